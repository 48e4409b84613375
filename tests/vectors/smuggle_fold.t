>>>
POST /f HTTP/1.1
Host: h.test
Transfer-Encoding:
 chunked

3
abc
0

GET /g HTTP/1.1
Host: h.test

<<<
HTTP/1.1 200 OK
Content-Length: 2

okHTTP/1.1 204 No Content

===
POST /f 200 complete req=3 rsp=2 body=known ambiguous
GET /g 204 complete req=0 rsp=0 body=known
