# Sourced by what runs pip: it sees no settings and no index, and leaves nothing behind.
export PIP_CONFIG_FILE=/dev/null PIP_NO_INDEX=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 \
  PIP_BREAK_SYSTEM_PACKAGES=1 PIP_ROOT_USER_ACTION=ignore PYTHONDONTWRITEBYTECODE=1
# debug information would name pip's temporary directories
export CFLAGS=-g0 CXXFLAGS=-g0
