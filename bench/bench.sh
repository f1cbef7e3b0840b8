#!/usr/bin/env bash
# Measures token validation against a bare Fiber server that gets the same requests and answers as many bytes, behind
# nginx, and beside other programs that check tokens. It runs on Linux. Options:
#
#   -tokens N        tokens in the database, 1000000 by default
#   -seconds N       seconds of each measurement, 5 by default
#   -rounds N        rounds, 3 by default; each measures every row once
#   -only PATTERN    only the rows that match this regular expression, and those that they are compared with
#   -cores N,N       the core of the servers and the core of wrk, 0,1 by default
#   -program PATH    measure this Tokentab instead of building one
#   -before PATH     measure this older Tokentab too, in rows of its own
#
# A failed measurement ends the run, so that no wrong number is printed.
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin # where Debian has nginx
unset "${!TOKENTAB_@}" # the settings of a Tokentab that runs elsewhere

tokens=1000000 seconds=5 rounds=3 only=. cores=0,1 program='' before=''
while (($#)); do
	case $1 in
	-tokens | -seconds | -rounds | -only | -cores | -program | -before) declare "${1#-}=${2?"$1 takes a value"}" ;;
	*) sed -n '2,/^set/s/^# \{0,1\}//p' bench/bench.sh >&2 && exit 2 ;;
	esac
	shift 2
done
die() { echo "bench: $*" >&2 && exit 1; }
((tokens >= 2000 && seconds > 0 && rounds > 0)) || die "-tokens must be at least 2000, -seconds and -rounds at least 1"
[[ $cores =~ ^[0-9]+,[0-9]+$ ]] || die "-cores must be two numbers, such as 0,1"

folder=$(mktemp -d "${TMPDIR:-/tmp}/tokentab-bench-XXXXXX")
chmod 711 "$folder" # nginx's workers open Tokentab's socket as another user
helper=$folder/bench connections=32
declare -A pid=() address=() credential=() behind=() wanted=()

# finish leaves neither processes nor files behind.
finish() {
	local status=$? name
	for name in "${!pid[@]}"; do stop "$name" || status=1; done
	rm -rf "$folder"
	exit "$status"
}
trap finish EXIT
trap 'die "stopped before the end"' INT TERM

# stop NAME ends a server. It fails if the server ended badly (143 is SIGTERM's status) or has logged an error.
stop() {
	local status=0 log=$folder/$1.log
	kill "${pid[$1]}" 2>/dev/null || true
	wait "${pid[$1]}" || status=$?
	unset "pid[$1]"
	if ((status != 0 && status != 143)) || grep -q level=ERROR "$log"; then
		echo "bench: $1 ended with $status or logged errors: $(cat "$log")" >&2
		return 1
	fi
}

# start NAME REQUEST COMMAND… runs a server on its core and returns when it has answered the request with 200.
start() {
	local name=$1 request=$2 log=$folder/$1.log
	shift 2
	GOMAXPROCS=1 setsid taskset --cpu-list "${cores%,*}" "$@" >"$log" 2>&1 & # Ctrl-C does not reach it
	pid[$name]=$!
	if [[ $request == *{credential}* ]]; then # which a peer prints first
		timeout 30 sh -c 'until [ -s "$0" ]; do sleep 0.1; done' "$log" || die "$name printed no credential"
		read -r "credential[$name]" <"$log"
	fi
	"$helper" wait "${address[$name]}" "${request/"{credential}"/"${credential[$name]-}"}" >/dev/null || die "$name did not respond with 200: $(cat "$log")"
}

# answers NAME REQUEST NUMBER STATUS prints the size of an answer. It fails if the answer has another status.
answers() {
	local answer
	answer=$("$helper" ask "${address[$1]}" "${2/"{credential}"/"${credential[$1]-}"}" "$3")
	[[ $answer == "$4 "* ]] || die "$1 did not answer $4 to secret $3, but: $answer"
	answer=${answer#* }
	echo "${answer%% *}"
}

memory() { awk '/VmRSS/ { print int($2 / 1024) " MiB" }' "/proc/${pid[$1]}/status"; }

# ticks NAME prints how long the server, its children and the servers behind it have run, in units of 10 ms.
ticks() {
	local all=0 id stat fields
	for id in "${pid[$1]}" $(cat "/proc/${pid[$1]}/task/${pid[$1]}/children") ${behind[$1]-}; do
		stat=$(<"/proc/$id/stat")
		read -ra fields <<<"${stat##*) }" # a name may hold spaces
		((all += fields[11] + fields[12])) || true
	done
	echo "$all"
}

# settle waits until each Tokentab has written the last uses of earlier rows, and so does next to nothing.
settle() {
	local name last quiet deadline=$((SECONDS + 180))
	for name in "Tokentab" ${before:+"Tokentab before"}; do
		for ((quiet = 0; quiet < 2; quiet = $(ticks "$name") - last > 3 ? 0 : quiet + 1)); do
			((SECONDS < deadline)) || die "$name does not come to rest"
			last=$(ticks "$name")
			sleep 0.5
		done
	done
}

# start_tokentab NAME PROGRAM fills a database, starts the program five times, keeps the last, and checks its answers.
start_tokentab() {
	local name=$1 data=$folder/$1.data made began times=''
	made=$(echo "a password for the bench" | "$2" setup --account Bench --email bench@example.com --password-stdin --data "$data" 2>&1) || die "$made"
	SECONDS=0
	"$helper" fill "$data/tokentab.db" "$tokens"
	echo "$name: $tokens tokens stored in $SECONDS s: a database of $(du --apparent-size -m "$data/tokentab.db" | cut -f1) MiB."
	address[$name]=$("$helper" address)
	for _ in 1 2 3 4 5; do
		[[ -z ${pid[$name]-} ]] || stop "$name"
		began=$(date +%s%N)
		start "$name" "$validate" "$2" serve --data "$data" --listen "${address[$name]}" --socket "$folder/$name.sock" \
			--public-url http://tokens.example.com --cache-tokens 1000000
		times+=$((($(date +%s%N) - began) / 1000000))$'\n'
	done
	echo "$name: from exec to the first correct response $(sort -n <<<"$times" | sed -n 4p) ms (median of 5), resident memory then $(memory "$name")."
	answers "$name" "$validate" "$bad" 401 >/dev/null
	answers "$name" "$ping" "$bad" 401 >/dev/null
	[[ $("$helper" ask "${address[$name]}" "$introspect" 0) == *'"active":true'* ]] || die "$name does not know a good token"
	[[ $("$helper" ask "${address[$name]}" "$introspect" "$bad") == *'"active":false'* ]] || die "$name knows a bad token"
}

# start_bare starts the bare server with answers as long as Tokentab's. It is also the application behind nginx.
start_bare() {
	local sizes
	sizes=$(sizes Tokentab)
	address["Bare Fiber"]=$("$helper" address)
	start "Bare Fiber" "$validate" "$helper" bare "${address["Bare Fiber"]}" $sizes
	[[ $(sizes "Bare Fiber") == "$sizes" ]] || die "the bare server's answers are not as long as Tokentab's: " $sizes
	echo "Requests of $((${#validate} + 8)), $((${#ping} + 8)) and $((${#introspect} + 8)) bytes, answers of" $sizes "bytes, the same for both servers."
}
sizes() { for request in validate ping introspect; do answers "$1" "${!request}" 0 200; done; }

# start_nginx NAME starts nginx with one worker and the shipped file. Without the check, the lines that ask Tokentab and
# those that use its answer are left out.
start_nginx() {
	local home=$folder/${1// /-} upstream=${address[Tokentab]} edit=() status=401 text
	e2e/need.sh nginx "The shipped proxy configuration is for nginx." nginx-light >/dev/null
	mkdir -m 700 "$home"
	address[$1]=$("$helper" address) behind[$1]="${pid["Bare Fiber"]} ${pid[Tokentab]}"
	case $1 in
	*socket) upstream=unix:$folder/Tokentab.sock ;;
	*without*) behind[$1]=${pid["Bare Fiber"]} edit=(-e '/auth_request|\$(token|account|environment|agent)_/d' -e 's/\$checked/application/') status=200 ;;
	esac
	for text in 'server 127.0.0.1:8080;' 'server 127.0.0.1:9000;' '*:8000' 'worker_processes auto' 'http {'; do
		[[ $(grep -cF "$text" deploy/nginx.conf) == 1 ]] || die "deploy/nginx.conf does not have \"$text\" once"
	done
	# Only root may make the two folders where nginx expects them.
	sed -E "${edit[@]}" -e "s|server 127.0.0.1:8080;|server $upstream;|; s|127.0.0.1:9000|${address["Bare Fiber"]}|; s|\*:8000|${address[$1]}|
		s|worker_processes auto|worker_processes 1|; s|^http \{|&client_body_temp_path $home/body; proxy_temp_path $home/proxy;|" deploy/nginx.conf >"$home/nginx.conf"
	start "$1" "$application" nginx -p "$home" -c "$home/nginx.conf" -e stderr -g "daemon off; pid $home/pid;"
	answers "$1" "$application" "$bad" "$status" >/dev/null
}

# start_peer NAME REQUEST builds or installs another program from bench/peers and starts it with one user.
start_peer() {
	local home=bench/peers/better-auth command=("$folder/pocketbase")
	mkdir "$folder/$1.data"
	address[$1]=$("$helper" address)
	if [[ $1 == PocketBase ]]; then
		go build -C bench/peers/pocketbase -o "${command[0]}" .
	else
		command -v node >/dev/null || die "$1 needs Node 20.19 or newer"
		npm --prefix "$home" ls >/dev/null 2>&1 || npm --prefix "$home" ci >/dev/null
		command=(node "$home/server.mjs")
	fi
	start "$1" "${!2}" "${command[@]}" "${address[$1]}" "$folder/$1.data"
}

# drive NAME REQUEST NUMBER REPEATED LAST SECONDS CONNECTIONS loads a server; load.lua says what the middle ones mean.
drive() {
	taskset --cpu-list "${cores#*,}" wrk --threads 1 --connections "$7" --duration "$6s" --timeout 5s --script bench/load.lua \
		"http://${address[$1]}" -- "${2/"{credential}"/"${credential[$1]-}"}" "$3" "$4" "$5" $(($(date +%s%N) / 100000000)) 2>&1
}

# load NAME REQUEST NUMBER REPEATED LAST BESIDE SECONDS prints a measurement. It fails unless every answer is the expected one.
load() {
	local good refused=0 began other='' TIMEFORMAT='used %U %S'
	good=$(answers "$1" "$2" 0 200)
	if [[ $3 == *or* ]]; then refused=$(answers "$1" "$2" "$bad" 401); fi
	if [[ $6 ]]; then drive "$1" "$2" "$6" 0 0 $(($7 + 1)) 8 >/dev/null & other=$!; fi # its numbers don't count
	began=$(ticks "$1")
	{ time drive "${@:1:5}" "$7" $connections; } >"$folder/wrk.log" 2>&1 || die "$1: $(cat "$folder/wrk.log")"
	"$helper" judge "$good" "$refused" $(($(ticks "$1") - began)) <"$folder/wrk.log"
	[[ ! $other ]] || wait "$other"
}

# Each row is a server, what it is asked, the row to compare with, the goal of the comparison, the request, the n-th number,
# how many numbers to repeat, how many to send, and the numbers to send at the same time.
cached=$((tokens < 1000000 ? tokens : 1000000))
hot="n % 1000 * $((tokens / 1000))" uniform="math.random(0, $((cached - 1)))" everywhere="math.random(0, $((tokens - 1)))"
rows="Tokentab|first sight of a token|||validate|n % $cached|0|$cached|
Bare Fiber|one token|||validate|0|1|0|
Tokentab|one token|Bare Fiber, one token||validate|0|1|0|
Bare Fiber|1000 tokens of $tokens|||validate|$hot|1000|0|
Tokentab|1000 tokens of $tokens|Bare Fiber, 1000 tokens of $tokens|≥ 0.90, p99 ≤ 1.50|validate|$hot|1000|0|
Tokentab|half bad|Bare Fiber, 1000 tokens of $tokens|≥ 0.85|validate|n % 2 == 1 and bad + n or $hot|1000|0|
Bare Fiber|uniform over $cached cached|||validate|$uniform|0|0|
Tokentab|uniform over $cached cached|Bare Fiber, uniform over $cached cached|≥ 0.75|validate|$uniform|0|0|
Tokentab|half bad and never the same|Bare Fiber, uniform over $cached cached||validate|n % 2 == 1 and unsent + n or $hot|0|0|
Bare Fiber|ping|||ping|0|1|0|
Tokentab|ping|Bare Fiber, ping||ping|0|1|0|
Bare Fiber|introspect|||introspect|0|1|0|
Tokentab|introspect|Bare Fiber, introspect||introspect|0|1|0|
nginx without the check|an application|||application|$hot|1000|0|
nginx with the check|an application|nginx without the check, an application|≥ 0.55|application|$hot|1000|0|
nginx with the check over a socket|an application|nginx without the check, an application|≥ 0.55|application|$hot|1000|0|
PocketBase|auth-refresh|Bare Fiber, one token||refresh|0|1|0|
Better Auth|verifyApiKey|Bare Fiber, one token||verify|0|1|0|"
((tokens == cached)) || rows+="
Tokentab|uniform over $tokens stored|Bare Fiber, uniform over $cached cached||validate|$everywhere|0|0|
Tokentab|1000 tokens of $tokens, beside uniform ones|Bare Fiber, 1000 tokens of $tokens||validate|$hot|1000|0|$everywhere"

while IFS='|' read -r server asked against _ _ number _; do
	[[ "$server, $asked" =~ $only ]] || continue
	wanted["$server, $asked"]=1 wanted[${against:-none}]=1
	[[ $number != *random* ]] || wanted["Tokentab, first sight of a token"]=1 # they have to be in the cache
done <<<"$rows"
ingest=''
[[ ! "Tokentab, ingest" =~ $only ]] || ingest=1
((${#wanted[@]})) || [[ $ingest ]] || die "no row matches $only"
selected=$(while IFS='|' read -r server asked rest; do
	[[ ${wanted["$server, $asked"]-} ]] || continue
	echo "$server|$asked|$rest"
	[[ $server != Tokentab || ! $before ]] || echo "Tokentab before|$asked|$rest"
done <<<"$rows")

e2e/need.sh wrk "The load comes from wrk." wrk >/dev/null
go build -o "$helper" ./bench
[[ $program ]] || go build -o "${program:=$folder/tokentab}" .

# A secret is a common text and a number: those from 0 to tokens-1 are stored, "bad" and higher ones are not.
prefix=$("$helper" secret) bad=$((1 << 40))
begin() { printf '%s HTTP/1.1\r\nHost: tokens.example.com\r\nAuthorization: Bearer %s' "$1" "$2"; }
end=$'\r\n\r\n'
validate=$(begin "GET /api/v1/validate" "$prefix{number}")$end
ping=$(begin "GET /api/v1/ping" "$prefix{number}")$end
application=$(begin "GET /" "$prefix{number}")$end
introspect=$(begin "POST /oauth/introspect" "$prefix$(printf %016x "$tokens")")$'\r\n'
introspect+="Content-Type: application/x-www-form-urlencoded"$'\r\n'"Content-Length: $((${#prefix} + 22))${end}token=$prefix{number}"
refresh=$(begin "POST /api/collections/users/auth-refresh" "{credential}")$'\r\nContent-Length: 0'$end
verify=$(begin "GET /" "{credential}")$end

start_tokentab Tokentab "$program"
start_bare
while IFS='|' read -r server _ _ _ request _ <&3; do
	[[ $server ]] || continue
	case ${pid[$server]-}$server in
	[0-9]*) ;;
	"Tokentab before") start_tokentab "$server" "$before" ;;
	nginx*) start_nginx "$server" ;;
	*) start_peer "$server" "$request" ;;
	esac
done 3<<<"$selected"
for fact in "date +%F" "uname -sr" "grep -m1 model.name /proc/cpuinfo" "go version" "wrk -v" "nginx -v" "node --version"; do
	$fact 2>&1 | head -n 1 || true # wrk fails after it
done
echo "Servers on core ${cores%,*} with GOMAXPROCS=1, wrk on core ${cores#*,} with one thread and $connections connections."

for ((round = 1; round <= rounds; round++)); do
	while IFS='|' read -r server asked against goal request number repeated last beside <&3; do
		[[ $server ]] && ((last == 0 || round == 1)) || continue
		settle
		echo -n "Round $round of $rounds: $server, $asked: "
		durations=(1 "$seconds") # the first warms up
		((last == 0)) || durations=(3600)
		for duration in "${durations[@]}"; do
			measured=$(load "$server" "${!request}" "$number" "$repeated" "$last" "$beside" "$duration")
		done
		echo "$server, $asked|$against|$goal|$measured" >>"$folder/results"
		echo "${measured%%.*} requests/s, resident memory $(memory "$server")."
	done 3<<<"$selected"
done
[[ ! -e $folder/results ]] || "$helper" report <"$folder/results"

# Spans come after the validations: their clients need a core, too.
if [[ $ingest ]]; then
	for name in "${!pid[@]}"; do stop "$name"; done
	echo
	"$helper" ingest "$program" "$seconds" 2>/dev/null
fi
