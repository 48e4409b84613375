#!/usr/bin/env python3
"""Writes the seed corpus of fuzz_policy: services, routes, servers and clients, harmless and hostile.

    python3 tests/fuzz/seeds_policy.py            writes tests/fuzz/corpus/policy/
"""
import os

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus", "policy")
ROUTES = ["/items/{int}", "/items/me", "/a/{uuid}/b", "/f/cus_{hex}", "/d/{date}.json", "/x/{var}/", "/", "/v1/{b64}/{ip}", "/t/{jwt}", "/u/{ulid}/~x"]
HOSTILE = ["/a;return 301 http://evil/", "/x\"y", "/x'y", "/x}\n}server{", "/x y", "/x\\y", "/$request_uri", "/{evil}/", "/x#y", "//evil//", "/x{int}{",
           "/\u00e9", "/x|y", "/x(y", "/x*", "/x+", "/[a]", "/x^y", "/x\ty", "/x,y", "/{jwt", "/{}", "/\x7f", "/{int}{int}", "/{int};{hex}"]
HOSTS = ["Shttp://api.example", "Shttps://secure.example:8443", "Shttp://[::1]:8080", "Shttp://10.0.0.1", "Shttp://api.example:81"]
EVIL = ["Shttp://evil.example;", "Shttp://a b", "Shttp://evil\"", "Shttp://evil{", "Shttp://..", "Shttp://*.example", "Shttp://~^.*$", "Shttp://$host", "Shttp://evil#"]
SERVERS = ["A10.1.2.3:80", "A[2001:db8::7]:80", "A10.1.2.3;:80", "A10.1.2.3:80 down; evil", "Ahost:80"]
CLIENTS = ["Capikey:0123456789ab", "Cjwt:alice;\nevil", "Cbasic:\"evil\"", "Caddress:0123456789ag"]


def write(name, *lines):
    with open(os.path.join(HERE, name), "wb") as f:
        f.write("\n".join(lines).encode())


os.makedirs(HERE, exist_ok=True)
write("plain", HOSTS[0], SERVERS[0], *ROUTES[:6])
write("classes", HOSTS[1], SERVERS[1], *ROUTES[4:])
write("shapes", *(line for host in HOSTS for line in (host, SERVERS[0], ROUTES[0], ROUTES[5])))
write("clients", HOSTS[0], *CLIENTS, *ROUTES[:2])
write("hostile-routes", HOSTS[0], *HOSTILE)
write("hostile-hosts", *(line for host in EVIL for line in (host, ROUTES[0])), HOSTS[3], *SERVERS, ROUTES[1])
write("mixed", HOSTS[0], ROUTES[0], HOSTILE[0], EVIL[0], HOSTILE[3], ROUTES[1], HOSTS[2], HOSTILE[7], ROUTES[5])
