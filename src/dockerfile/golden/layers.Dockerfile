# Recipe all-steps for linux/amd64. Made by stillroom: change recipes/all-steps/recipe.ts, not this file.
ARG SOURCE_DATE_EPOCH=1700000000

# just enough to run dpkg and a shell
FROM scratch AS seed
ADD artifacts/seed/*.tar /

# Debian bookworm: 2 packages, put in place by dpkg itself
FROM seed AS root
ARG SOURCE_DATE_EPOCH
RUN --network=none \
    --mount=type=bind,source=build/bootstrap.sh,target=/.stillroom/build/bootstrap.sh \
    --mount=type=bind,source=build/layer.sh,target=/.stillroom/build/layer.sh \
    --mount=type=bind,source=base,target=/.stillroom/step \
    --mount=type=bind,source=artifacts/base,target=/.stillroom/artifacts \
    ["/bin/dash", "/.stillroom/build/bootstrap.sh", "bookworm"]

# what programs of the steps see of time
FROM seed AS compiled
ARG SOURCE_DATE_EPOCH
RUN --network=none \
    --mount=type=bind,source=build/clock.sh,target=/.stillroom/build/clock.sh \
    --mount=type=bind,source=build/layer.sh,target=/.stillroom/build/layer.sh \
    --mount=type=bind,source=build/clock.c,target=/.stillroom/build/clock.c \
    --mount=type=bind,source=artifacts/clock,target=/.stillroom/artifacts \
    ["/bin/dash", "/.stillroom/build/clock.sh"]

FROM scratch AS clock
COPY --from=compiled /clock/ /clock/

FROM scratch AS base
COPY --from=root /target/ /

# the user and the directories
FROM base AS account
ARG SOURCE_DATE_EPOCH
RUN --network=none \
    --mount=type=bind,source=build/account.sh,target=/.stillroom/build/account.sh \
    --mount=type=bind,source=build/layer.sh,target=/.stillroom/build/layer.sh \
    --mount=type=bind,source=account,target=/.stillroom/step \
    ["sh", "/.stillroom/build/account.sh", "account"]

FROM base AS account-layer
COPY --link --from=account /.stillroom/delta/account/ /

# apt: python3 python3-pip
FROM account-layer AS apt-1
ARG SOURCE_DATE_EPOCH
RUN --network=none \
    --mount=type=bind,source=build/apt.sh,target=/.stillroom/build/apt.sh \
    --mount=type=bind,source=build/layer.sh,target=/.stillroom/build/layer.sh \
    --mount=type=bind,source=build/leave-out.sh,target=/.stillroom/build/leave-out.sh \
    --mount=type=bind,source=build/left-out.txt,target=/.stillroom/build/left-out.txt \
    --mount=type=bind,source=build/byte-code.py,target=/.stillroom/build/byte-code.py \
    --mount=type=bind,source=steps/apt-1,target=/.stillroom/step \
    --mount=type=bind,source=artifacts/apt-1,target=/.stillroom/artifacts \
    --mount=type=bind,from=clock,source=/clock,target=/.stillroom/clock \
    ["sh", "/.stillroom/build/apt.sh", "apt-1"]

FROM account-layer AS apt-1-layer
COPY --link --from=apt-1 /.stillroom/delta/apt-1/ /

# a wheel of docopt-0.6.2.tar.gz
FROM apt-1-layer AS pip-2-sdist-docopt
ARG SOURCE_DATE_EPOCH
RUN --network=none \
    --mount=type=bind,source=build/sdist.sh,target=/.stillroom/build/sdist.sh \
    --mount=type=bind,source=build/layer.sh,target=/.stillroom/build/layer.sh \
    --mount=type=bind,source=build/pip-settings.sh,target=/.stillroom/build/pip-settings.sh \
    --mount=type=bind,source=steps/pip-2/build-docopt.txt,target=/.stillroom/step/build-docopt.txt \
    --mount=type=bind,source=artifacts/pip-2/docopt-0.6.2.tar.gz,target=/.stillroom/artifacts/docopt-0.6.2.tar.gz \
    --mount=type=bind,source=artifacts/pip-2/wheel-0.40.0-py3-none-any.whl,target=/.stillroom/artifacts/wheel-0.40.0-py3-none-any.whl \
    --mount=type=bind,from=clock,source=/clock,target=/.stillroom/clock \
    ["sh", "/.stillroom/build/sdist.sh", "docopt", "docopt-0.6.2.tar.gz"]

# pip: six==1.16.0 docopt
FROM apt-1-layer AS pip-2
ARG SOURCE_DATE_EPOCH
RUN --network=none \
    --mount=type=bind,source=build/pip.sh,target=/.stillroom/build/pip.sh \
    --mount=type=bind,source=build/layer.sh,target=/.stillroom/build/layer.sh \
    --mount=type=bind,source=build/pip-settings.sh,target=/.stillroom/build/pip-settings.sh \
    --mount=type=bind,source=build/byte-code.py,target=/.stillroom/build/byte-code.py \
    --mount=type=bind,source=steps/pip-2,target=/.stillroom/step \
    --mount=type=bind,source=artifacts/pip-2,target=/.stillroom/artifacts \
    --mount=type=bind,from=pip-2-sdist-docopt,source=/.stillroom/wheels,target=/.stillroom/built/docopt \
    --mount=type=bind,from=clock,source=/clock,target=/.stillroom/clock \
    ["sh", "/.stillroom/build/pip.sh", "pip-2"]

FROM apt-1-layer AS pip-2-layer
COPY --link --from=pip-2 /.stillroom/delta/pip-2/ /

# git: https://git.example.org/team/tool.git v1
FROM pip-2-layer AS git-3
ARG SOURCE_DATE_EPOCH
RUN --network=none \
    --mount=type=bind,source=build/git.sh,target=/.stillroom/build/git.sh \
    --mount=type=bind,source=build/layer.sh,target=/.stillroom/build/layer.sh \
    --mount=type=bind,source=steps/git-3,target=/.stillroom/step \
    --mount=type=bind,source=artifacts/git-3,target=/.stillroom/artifacts \
    ["sh", "/.stillroom/build/git.sh", "git-3", "git-3", "/home/fenics/code/my tool", "1000:1000", "a b/$c"]

FROM pip-2-layer AS git-3-layer
COPY --link --from=git-3 /.stillroom/delta/git-3/ /

# file: https://example.org/mesh.tar.gz
FROM git-3-layer AS file-4
ARG SOURCE_DATE_EPOCH
RUN --network=none \
    --mount=type=bind,source=build/file.sh,target=/.stillroom/build/file.sh \
    --mount=type=bind,source=build/layer.sh,target=/.stillroom/build/layer.sh \
    --mount=type=bind,source=steps/file-4,target=/.stillroom/step \
    --mount=type=bind,source=artifacts/file-4,target=/.stillroom/artifacts \
    ["sh", "/.stillroom/build/file.sh", "file-4", "unpack", "/opt/mesh", "1000:1000", "1"]

FROM git-3-layer AS file-4-layer
COPY --link --from=file-4 /.stillroom/delta/file-4/ /

# project: solver
FROM file-4-layer AS project-5
ARG SOURCE_DATE_EPOCH
RUN --network=none \
    --mount=type=bind,source=build/project.sh,target=/.stillroom/build/project.sh \
    --mount=type=bind,source=build/layer.sh,target=/.stillroom/build/layer.sh \
    --mount=type=bind,source=steps/project-5,target=/.stillroom/step \
    --mount=type=bind,source=artifacts/project-5,target=/.stillroom/artifacts \
    ["sh", "/.stillroom/build/project.sh", "project-5", "/home/fenics/code/solver", "1000:1000"]

FROM file-4-layer AS project-5-layer
COPY --link --from=project-5 /.stillroom/delta/project-5/ /

# run: a command of the recipe
FROM project-5-layer AS run-6
ARG SOURCE_DATE_EPOCH
RUN --network=none \
    --mount=type=bind,source=build/run.sh,target=/.stillroom/build/run.sh \
    --mount=type=bind,source=build/layer.sh,target=/.stillroom/build/layer.sh \
    --mount=type=bind,source=build/byte-code.py,target=/.stillroom/build/byte-code.py \
    --mount=type=bind,from=clock,source=/clock,target=/.stillroom/clock \
    ["sh", "/.stillroom/build/run.sh", "run-6", "printf", "%s", "$HOME \"${X:-y}\"", "\\", "\u003c\u003cEOF"]

FROM project-5-layer AS run-6-layer
COPY --link --from=run-6 /.stillroom/delta/run-6/ /

# run: a script of the recipe
FROM run-6-layer AS run-7
ARG SOURCE_DATE_EPOCH
RUN --network=none \
    --mount=type=bind,source=build/run.sh,target=/.stillroom/build/run.sh \
    --mount=type=bind,source=build/layer.sh,target=/.stillroom/build/layer.sh \
    --mount=type=bind,source=build/byte-code.py,target=/.stillroom/build/byte-code.py \
    --mount=type=bind,source=steps/run-7,target=/.stillroom/step \
    --mount=type=bind,from=clock,source=/clock,target=/.stillroom/clock \
    ["sh", "/.stillroom/build/run.sh", "run-7", "sh", "-eu", "/.stillroom/step/script.sh"]

FROM run-6-layer AS run-7-layer
COPY --link --from=run-7 /.stillroom/delta/run-7/ /

# the image
FROM run-7-layer AS image
ENV PATH="/opt/my bin:/usr/bin"
ENV EMPTY=""
ENV LANG="C.UTF-8"
ENV NASTY="\$HOME `id` \"\${X:-y}\" 'a' \\"
LABEL "a key"="back\\slash\\"
LABEL "org.example.title"="a \"title\" # 1"
EXPOSE 43643/tcp
EXPOSE 8000-8010/udp
VOLUME ["/data", "\"/data 2/\\$x\""]
USER fenics
WORKDIR "/home/fenics/a b/\$c"
ENTRYPOINT ["sh", "-c", "exec \"$@\"", "sh"]
CMD ["python3", "-c", "print(\"\\u00e9 é\")"]
