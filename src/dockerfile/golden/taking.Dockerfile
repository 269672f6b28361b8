# Recipe taking for linux/amd64. Made by stillroom: change recipes/taking/recipe.ts, not this file.
ARG SOURCE_DATE_EPOCH=1700000000

# --- recipe small, whose files are taken ---

# just enough to run dpkg and a shell
FROM scratch AS recipe.small.seed
ADD artifacts/recipes/small/seed/*.tar /

# Debian bookworm: 2 packages, put in place by dpkg itself
FROM recipe.small.seed AS recipe.small.root
ENV SOURCE_DATE_EPOCH=1700000000
RUN --network=none \
    --mount=type=bind,source=recipes/small/build/bootstrap.sh,target=/.stillroom/build/bootstrap.sh \
    --mount=type=bind,source=recipes/small/build/layer.sh,target=/.stillroom/build/layer.sh \
    --mount=type=bind,source=recipes/small/base,target=/.stillroom/step \
    --mount=type=bind,source=artifacts/recipes/small/base,target=/.stillroom/artifacts \
    ["/bin/dash", "/.stillroom/build/bootstrap.sh", "bookworm"]

# what programs of the steps see of time
FROM recipe.small.seed AS recipe.small.compiled
ENV SOURCE_DATE_EPOCH=1700000000
RUN --network=none \
    --mount=type=bind,source=recipes/small/build/clock.sh,target=/.stillroom/build/clock.sh \
    --mount=type=bind,source=recipes/small/build/layer.sh,target=/.stillroom/build/layer.sh \
    --mount=type=bind,source=recipes/small/build/clock.c,target=/.stillroom/build/clock.c \
    --mount=type=bind,source=artifacts/recipes/small/clock,target=/.stillroom/artifacts \
    ["/bin/dash", "/.stillroom/build/clock.sh"]

FROM scratch AS recipe.small.clock
COPY --from=recipe.small.compiled /clock/ /clock/

FROM scratch AS recipe.small.base
COPY --from=recipe.small.root /target/ /

# apt: python3
FROM recipe.small.base AS recipe.small.apt-1
ENV SOURCE_DATE_EPOCH=1700000000
RUN --network=none \
    --mount=type=bind,source=recipes/small/build/apt.sh,target=/.stillroom/build/apt.sh \
    --mount=type=bind,source=recipes/small/build/layer.sh,target=/.stillroom/build/layer.sh \
    --mount=type=bind,source=recipes/small/build/leave-out.sh,target=/.stillroom/build/leave-out.sh \
    --mount=type=bind,source=recipes/small/build/left-out.txt,target=/.stillroom/build/left-out.txt \
    --mount=type=bind,source=recipes/small/build/byte-code.py,target=/.stillroom/build/byte-code.py \
    --mount=type=bind,source=recipes/small/steps/apt-1,target=/.stillroom/step \
    --mount=type=bind,source=artifacts/recipes/small/apt-1,target=/.stillroom/artifacts \
    --mount=type=bind,from=recipe.small.clock,source=/clock,target=/.stillroom/clock \
    ["sh", "/.stillroom/build/apt.sh", "apt-1"]

FROM recipe.small.base AS recipe.small.apt-1-layer
COPY --link --from=recipe.small.apt-1 /.stillroom/delta/apt-1/ /

# a wheel of docopt-0.6.2.tar.gz
FROM recipe.small.apt-1-layer AS recipe.small.pip-2-sdist-docopt
ENV SOURCE_DATE_EPOCH=1700000000
RUN --network=none \
    --mount=type=bind,source=recipes/small/build/sdist.sh,target=/.stillroom/build/sdist.sh \
    --mount=type=bind,source=recipes/small/build/layer.sh,target=/.stillroom/build/layer.sh \
    --mount=type=bind,source=recipes/small/build/pip-settings.sh,target=/.stillroom/build/pip-settings.sh \
    --mount=type=bind,source=recipes/small/steps/pip-2/build-docopt.txt,target=/.stillroom/step/build-docopt.txt \
    --mount=type=bind,source=artifacts/recipes/small/pip-2/docopt-0.6.2.tar.gz,target=/.stillroom/artifacts/docopt-0.6.2.tar.gz \
    --mount=type=bind,source=artifacts/recipes/small/pip-2/wheel-0.40.0-py3-none-any.whl,target=/.stillroom/artifacts/wheel-0.40.0-py3-none-any.whl \
    --mount=type=bind,from=recipe.small.clock,source=/clock,target=/.stillroom/clock \
    ["sh", "/.stillroom/build/sdist.sh", "docopt", "docopt-0.6.2.tar.gz"]

# pip: six==1.16.0 docopt
FROM recipe.small.apt-1-layer AS recipe.small.pip-2
ENV SOURCE_DATE_EPOCH=1700000000
RUN --network=none \
    --mount=type=bind,source=recipes/small/build/pip.sh,target=/.stillroom/build/pip.sh \
    --mount=type=bind,source=recipes/small/build/layer.sh,target=/.stillroom/build/layer.sh \
    --mount=type=bind,source=recipes/small/build/pip-settings.sh,target=/.stillroom/build/pip-settings.sh \
    --mount=type=bind,source=recipes/small/build/byte-code.py,target=/.stillroom/build/byte-code.py \
    --mount=type=bind,source=recipes/small/steps/pip-2,target=/.stillroom/step \
    --mount=type=bind,source=artifacts/recipes/small/pip-2,target=/.stillroom/artifacts \
    --mount=type=bind,from=recipe.small.pip-2-sdist-docopt,source=/.stillroom/wheels,target=/.stillroom/built/docopt \
    --mount=type=bind,from=recipe.small.clock,source=/clock,target=/.stillroom/clock \
    ["sh", "/.stillroom/build/pip.sh", "pip-2"]

FROM recipe.small.apt-1-layer AS recipe.small.pip-2-layer
COPY --link --from=recipe.small.pip-2 /.stillroom/delta/pip-2/ /

# git: https://git.example.org/team/tool.git v1
FROM recipe.small.pip-2-layer AS recipe.small.git-3
ENV SOURCE_DATE_EPOCH=1700000000
RUN --network=none \
    --mount=type=bind,source=recipes/small/build/git.sh,target=/.stillroom/build/git.sh \
    --mount=type=bind,source=recipes/small/build/layer.sh,target=/.stillroom/build/layer.sh \
    --mount=type=bind,source=recipes/small/steps/git-3,target=/.stillroom/step \
    --mount=type=bind,source=artifacts/recipes/small/git-3,target=/.stillroom/artifacts \
    ["sh", "/.stillroom/build/git.sh", "git-3", "git-3", "/opt/tool", "0:0", "."]

FROM recipe.small.pip-2-layer AS recipe.small.git-3-layer
COPY --link --from=recipe.small.git-3 /.stillroom/delta/git-3/ /

# file: https://example.org/mesh.tar.gz
FROM recipe.small.git-3-layer AS recipe.small.file-4
ENV SOURCE_DATE_EPOCH=1700000000
RUN --network=none \
    --mount=type=bind,source=recipes/small/build/file.sh,target=/.stillroom/build/file.sh \
    --mount=type=bind,source=recipes/small/build/layer.sh,target=/.stillroom/build/layer.sh \
    --mount=type=bind,source=recipes/small/steps/file-4,target=/.stillroom/step \
    --mount=type=bind,source=artifacts/recipes/small/file-4,target=/.stillroom/artifacts \
    ["sh", "/.stillroom/build/file.sh", "file-4", "unpack", "/opt/mesh", "0:0", "0"]

FROM recipe.small.git-3-layer AS recipe.small.file-4-layer
COPY --link --from=recipe.small.file-4 /.stillroom/delta/file-4/ /

# project: solver
FROM recipe.small.file-4-layer AS recipe.small.project-5
ENV SOURCE_DATE_EPOCH=1700000000
RUN --network=none \
    --mount=type=bind,source=recipes/small/build/project.sh,target=/.stillroom/build/project.sh \
    --mount=type=bind,source=recipes/small/build/layer.sh,target=/.stillroom/build/layer.sh \
    --mount=type=bind,source=recipes/small/steps/project-5,target=/.stillroom/step \
    --mount=type=bind,source=artifacts/recipes/small/project-5,target=/.stillroom/artifacts \
    ["sh", "/.stillroom/build/project.sh", "project-5", "/opt/solver", "0:0"]

FROM recipe.small.file-4-layer AS recipe.small.project-5-layer
COPY --link --from=recipe.small.project-5 /.stillroom/delta/project-5/ /

# run: a command of the recipe
FROM recipe.small.project-5-layer AS recipe.small.run-6
ENV SOURCE_DATE_EPOCH=1700000000
RUN --network=none \
    --mount=type=bind,source=recipes/small/build/run.sh,target=/.stillroom/build/run.sh \
    --mount=type=bind,source=recipes/small/build/layer.sh,target=/.stillroom/build/layer.sh \
    --mount=type=bind,source=recipes/small/build/byte-code.py,target=/.stillroom/build/byte-code.py \
    --mount=type=bind,from=recipe.small.clock,source=/clock,target=/.stillroom/clock \
    ["sh", "/.stillroom/build/run.sh", "run-6", "true"]

FROM recipe.small.project-5-layer AS recipe.small.run-6-layer
COPY --link --from=recipe.small.run-6 /.stillroom/delta/run-6/ /

# the image
FROM recipe.small.run-6-layer AS recipe.small.image

# --- recipe taking ---

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

# apt: python3
FROM base AS apt-1
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

FROM base AS apt-1-layer
COPY --link --from=apt-1 /.stillroom/delta/apt-1/ /

# copy: /opt/tool of recipe small
FROM apt-1-layer AS copy-2
ARG SOURCE_DATE_EPOCH
RUN --network=none \
    --mount=type=bind,source=build/copy.sh,target=/.stillroom/build/copy.sh \
    --mount=type=bind,source=build/layer.sh,target=/.stillroom/build/layer.sh \
    --mount=type=bind,source=steps/copy-2,target=/.stillroom/step \
    --mount=type=bind,from=recipe.small.image,source=/,target=/.stillroom/image \
    ["sh", "/.stillroom/build/copy.sh", "copy-2", "/opt/tool", "/srv/tool"]

FROM apt-1-layer AS copy-2-layer
COPY --link --from=copy-2 /.stillroom/delta/copy-2/ /

# the image
FROM copy-2-layer AS image
ENV PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
