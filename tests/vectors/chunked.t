>>>
POST /up HTTP/1.1
Host: h.test
Transfer-Encoding: chunked

4;ext=1
abcd
10
0123456789abcdef
0
X-Trailer: yes

<<<
HTTP/1.1 200 OK
Transfer-Encoding: chunked

a
helloworld
0

>>>
GET /next HTTP/1.1
Host: h.test

<<<
HTTP/1.1 204 No Content

===
POST /up 200 complete req=20 rsp=10 body=known
GET /next 204 complete req=0 rsp=0 body=known
