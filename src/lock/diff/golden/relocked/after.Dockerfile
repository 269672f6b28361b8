# Recipe fenics-tf for linux/amd64. Made by stillroom: change recipes/fenics-tf/recipe.ts, not this file.
ARG SOURCE_DATE_EPOCH=1789205228

# just enough to run dpkg and a shell
FROM scratch AS seed
ADD artifacts/seed/*.tar /

# Debian bullseye: 89 packages, put in place by dpkg itself
FROM seed AS root
ARG SOURCE_DATE_EPOCH
RUN --network=none \
    --mount=type=bind,source=build,target=/.stillroom/build \
    --mount=type=bind,source=base,target=/.stillroom/step \
    --mount=type=bind,source=artifacts/base,target=/.stillroom/artifacts \
    ["/bin/dash", "/.stillroom/build/bootstrap.sh", "bullseye"]

FROM scratch AS base
COPY --from=root /target/ /

# the user and the directories
FROM base AS account
ARG SOURCE_DATE_EPOCH
RUN --network=none \
    --mount=type=bind,source=build,target=/.stillroom/build \
    --mount=type=bind,source=account,target=/.stillroom/step \
    ["sh", "/.stillroom/build/account.sh", "account"]

# apt: python3-dolfin python3-pip python3-setuptools python3-wheel python3-termcolor python3-wrapt
FROM account AS apt-1
ARG SOURCE_DATE_EPOCH
RUN --network=none \
    --mount=type=bind,source=build,target=/.stillroom/build \
    --mount=type=bind,source=steps/apt-1,target=/.stillroom/step \
    --mount=type=bind,source=artifacts/apt-1,target=/.stillroom/artifacts \
    ["sh", "/.stillroom/build/apt.sh", "apt-1"]

# pip: tensorforce==0.6.5 tensorflow==2.6.0 keras==2.6.0 tensorflow-estimator==2.6.0 tensorboard==2.6.0 protobuf<3.21 h5py==3.1.0 gym==0.21.0 and 2 more
FROM apt-1 AS pip-2
ARG SOURCE_DATE_EPOCH
RUN --network=none \
    --mount=type=bind,source=build,target=/.stillroom/build \
    --mount=type=bind,source=steps/pip-2,target=/.stillroom/step \
    --mount=type=bind,source=artifacts/pip-2,target=/.stillroom/artifacts \
    ["sh", "/.stillroom/build/pip.sh", "pip-2"]

# project: solver
FROM pip-2 AS project-3
ARG SOURCE_DATE_EPOCH
RUN --network=none \
    --mount=type=bind,source=build,target=/.stillroom/build \
    --mount=type=bind,source=steps/project-3,target=/.stillroom/step \
    --mount=type=bind,source=artifacts/project-3,target=/.stillroom/artifacts \
    ["sh", "/.stillroom/build/project.sh", "project-3", "/home/fenics/local/solver", "1000:1000"]

# the image: one layer a step
FROM base
COPY --link --from=account /.stillroom/delta/account/ /
COPY --link --from=apt-1 /.stillroom/delta/apt-1/ /
COPY --link --from=pip-2 /.stillroom/delta/pip-2/ /
COPY --link --from=project-3 /.stillroom/delta/project-3/ /
ENV PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENV HOME="/home/fenics"
ENV OMPI_MCA_ess_singleton_isolated="1"
ENV OMPI_MCA_plm_rsh_agent="sh"
ENV OMP_NUM_THREADS="1"
ENV TF_CPP_MIN_LOG_LEVEL="2"
EXPOSE 43643-43652/tcp
VOLUME ["/home/fenics/shared"]
USER fenics
WORKDIR "/home/fenics/local/solver"
CMD ["bash", "-l"]
