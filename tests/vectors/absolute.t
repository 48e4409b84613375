>>>
GET http://user:pw@up.test:8080/p?token=abc&n=5 HTTP/1.1
Host: other.test

<<<
HTTP/1.1 200 OK
Content-Length: 2

ok\c
===
GET http://~a9bd8c52b4d1@up.test:8080/p?token=~354ace94597d&n=5 200 complete req=0 rsp=2 body=known
