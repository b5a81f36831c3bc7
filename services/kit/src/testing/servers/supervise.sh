# Runs a server for as long as its owner holds the other end of standard input.
#
#   sh supervise.sh DIRECTORY ENDING COMMAND…    prints the server's process id
#
# However the owner ends, the pipe ends with it: the server gets the signal ENDING, and then its
# directory is removed. A line on the pipe is another signal to end the server with, which keeps
# the directory for the next run.
directory=$1
ending=$2
shift 2
# Before the process id is told: nobody may read the log of the run before as this one's.
: >"$directory/log"
"$@" </dev/null >"$directory/log" 2>&1 &
server=$!
echo "$server"
read -r signal
kill -s "${signal:-$ending}" "$server"
# A server that was paused hears of nothing else.
kill -s CONT "$server"
wait "$server"
[ -n "$signal" ] || rm -rf "$directory"
