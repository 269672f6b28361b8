# Runs a command of the recipe: `run.sh STEP PROGRAM [ARGUMENT...]`.
. /.stillroom/build/layer.sh
name=$1
shift
begin
cd /
"$@"
cd /
finish "$name"
