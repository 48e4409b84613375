>>>
GET /ws HTTP/1.1
Host: h.test
Upgrade: websocket
Connection: Upgrade

<<<
HTTP/1.1 101 Switching Protocols
Upgrade: websocket
Connection: Upgrade

>>>
\x81\x85abcdGET / HTTP/1.1
===
GET /ws 101 complete req=0 rsp=0 body=unknown websocket messages=1/0 frames=1/0 compressed=0/0 control=0/0 octets=5/0 lost0
