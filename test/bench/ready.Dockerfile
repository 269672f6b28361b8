# What plans a recipe's apt and pip steps, ready to: for comparison in `npm run bench`.
# BASE is the Debian that the recipe is based on; where packages come from is given from outside.
ARG BASE
FROM ${BASE} AS lists
ARG DEBIAN
ARG DEBIAN_SECURITY
ARG SUITE
RUN printf 'deb %s %s main\ndeb %s %s-updates main\ndeb %s %s-security main\n' \
      "$DEBIAN" "$SUITE" "$DEBIAN" "$SUITE" "$DEBIAN_SECURITY" "$SUITE" > /etc/apt/sources.list \
 && apt-get update

FROM lists AS packages
ARG PACKAGES
ARG PIP_INDEX_URL
RUN DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $PACKAGES
# the pip of bullseye cannot only plan; the last one that reads the metadata of old projects
RUN --mount=type=secret,id=certificates \
    PIP_CERT=$([ -s /run/secrets/certificates ] && echo /run/secrets/certificates) \
    python3 -m pip install --no-cache-dir --target /opt/pip 'pip==24.0'
