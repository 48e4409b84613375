# net.sh: sourced by scripts that need two hosts. `net_enter "$@"` runs the script again inside namespaces of its own
# (network, mounts, processes; with a user namespace when not root), so that whatever happens nothing of it is left behind.
# Then `net_up` makes the host `srv` (10.77.0.1, fd77::1) and the host `cli` (10.77.0.2 and further ones) joined by the
# veth pair vs -- vc, offloads off. Needs unshare, ip, python3.
PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH # Debian's own tools first
NET_HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# True where namespaces can be made at all (a container may forbid them).
net_possible() {
    unshare "$([ "$(id -u)" = 0 ] && echo -nmp || echo -Urnmp)" --fork true 2>/dev/null
}

net_enter() {
    if [ -z "${NET_INSIDE:-}" ]; then
        local flags=-nmp
        [ "$(id -u)" = 0 ] || flags=-Urnmp
        NET_UID=$(id -u) NET_INSIDE=1 exec unshare $flags --fork --kill-child=KILL --mount-proc bash "$0" "$@"
    fi
    trap 'exit 143' TERM
    trap 'exit 130' INT
    mount -t tmpfs tmpfs /run # ip netns keeps its names here
    ip link set lo up
}

# net_test NAME "$@": how a test begins that captures live: skipped where namespaces cannot be made; else inside some, with a
# folder $work that goes away again, in it the program, a secret, and a home for whoever the program becomes.
net_test() {
    local name=$1
    shift
    if ! net_possible; then
        echo "ok - $name # SKIP no namespaces here (needs root or unprivileged user namespaces)"
        exit 0
    fi
    net_enter "$@"
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    chmod 711 "$work"
    mkdir -m 777 "$work/out"
    cp "${SPANWISE:-./spanwise}" "$work/spanwise"
    cp tests/pcap/secret "$work/secret"
    chmod 644 "$work/secret"
    export HOME=$work/out
    unset SPANWISE_DB
}

net_up() {
    ip netns add srv
    ip netns add cli
    ip -n srv link add vs address 02:00:00:00:77:01 type veth peer name vc address 02:00:00:00:77:02
    ip -n srv link set vc netns cli
    local host
    for host in srv cli; do
        ip netns exec "$host" sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6; echo 0 >/proc/sys/net/ipv6/conf/all/accept_dad' \
            2>/dev/null || true
        ip -n "$host" link set lo up
    done
    ip -n srv addr add 10.77.0.1/24 dev vs
    ip -n cli addr add 10.77.0.2/24 dev vc
    ip -n srv link set vs up
    ip -n cli link set vc up
    ip netns exec srv python3 "$NET_HERE/offload.py" vs
    ip netns exec cli python3 "$NET_HERE/offload.py" vc
}

# net_addresses FIRST LAST: more addresses of cli, 10.77.0.FIRST to 10.77.0.LAST.
net_addresses() {
    local n
    for n in $(seq "$1" "$2"); do
        ip -n cli addr add "10.77.0.$n/24" dev vc
    done
}

# net_networks A.B…: further networks of cli, 10.A.B.10 to 10.A.B.40 each.
net_networks() {
    local net n
    for net; do
        ip -n srv route add "10.$net.0/24" dev vs
        for n in $(seq 10 40); do
            ip -n cli addr add "10.$net.$n/32" dev vc
        done
    done
}

# Run and wait. A process to be ended by its pid is started with `ip netns exec` itself, which the shell does not wrap.
srv() { ip netns exec srv "$@"; }
cli() { ip netns exec cli "$@"; }

# net_wait PORT: until something listens there on srv, 10 s at most.
net_wait() {
    local i
    for i in $(seq 100); do
        cli timeout 2 bash -c "exec 3<>/dev/tcp/10.77.0.1/$1" 2>/dev/null && return 0
        sleep 0.1
    done
    echo "nothing listens on port $1" >&2
    return 1
}

# net_nginx CONF: nginx on srv with the `http` part of CONF, in the folder of CONF; its pid in NET_NGINX.
net_nginx() {
    local dir
    dir=$(dirname "$1")
    mkdir -p "$dir/tmp" "$dir/www"
    {
        echo "user root root; daemon off; master_process off; pid $dir/nginx.pid; error_log $dir/error.log warn;"
        echo "worker_rlimit_nofile 1024; events { worker_connections 512; }"
        grep -q access_log "$1" && echo "http { types" || echo "http { access_log off; types"
        echo " { text/css css; image/svg+xml svg; application/json json; text/html html; }"
        echo "default_type application/octet-stream; keepalive_requests 1000000; server_tokens off;"
        for kind in client_body proxy fastcgi uwsgi scgi; do
            echo "${kind}_temp_path $dir/tmp/$kind;"
        done
        cat "$1"
        echo "}"
    } >"$dir/nginx.conf"
    ip netns exec srv nginx -p "$dir" -c "$dir/nginx.conf" -e "$dir/error.log" </dev/null >/dev/null 2>"$dir/nginx.err" &
    NET_NGINX=$!
}

# net_end PID [SIGNAL]: ends one child and waits for it, 5 s at most before KILL. Its exit code is in NET_CODE.
net_end() {
    local watch
    NET_CODE=0
    kill "-${2:-TERM}" "$1" 2>/dev/null || true
    (
        sleep 5
        kill -KILL "$1" 2>/dev/null
    ) &
    watch=$!
    wait "$1" 2>/dev/null || NET_CODE=$?
    kill "$watch" 2>/dev/null || true
    wait "$watch" 2>/dev/null || true
}
