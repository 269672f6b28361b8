# Runs a command of the recipe as root: `run.sh STEP PROGRAM [ARGUMENT...]`.
# shellcheck source=layer.sh
. /.stillroom/build/layer.sh
name=$1
shift
begin
cd /
# a program, never a function of layer.sh or a word of the shell
steadily sh -c 'exec "$@"' sh "$@"
recompile
finish "$name"
