-- A STARTTLS exchange from end to end: a small mail server in a child process,
-- a certificate authority made on the spot, and a client that upgrades,
-- verifies and sends one message. Then the two failures that matter.
--
--   lua examples/starttls.lua
local urlsock = require "urlsock"

local function run(command)
  local ok = os.execute(command)
  assert(ok == true or ok == 0, "failed: " .. command)
end

-- The server: so many connections, one after the other.
local function serve(listener, tls, connections, greeting)
  for _ = 1, connections do
    local client = assert(listener:accept())
    client:write("220 mail.example.org ESMTP\r\n")
    local upgraded, message = false, false
    while true do
      local line = client:read()
      if not line then break end
      local verb = line:match("^%a*"):upper()
      if message then
        if line == "." then
          message = false
          client:write("250 2.0.0 accepted\r\n")
        end
      elseif verb == "EHLO" then
        client:write("250-mail.example.org\r\n", upgraded and "" or "250-STARTTLS\r\n",
          "250 8BITMIME\r\n")
      elseif verb == "STARTTLS" then
        client:write("220 2.0.0 go ahead\r\n", greeting)
        if not client:starttls(tls) then break end
        upgraded = true
      elseif verb == "DATA" then
        message = true
        client:write("354 end with a point\r\n")
      elseif verb == "QUIT" then
        client:write("221 2.0.0 bye\r\n")
        break
      else
        client:write("250 2.1.0 ok\r\n")
      end
    end
    client:close()
  end
end

if arg[1] == "serve" then
  local dir, connections, injected = arg[2], tonumber(arg[3]), arg[4]
  local tls = assert(urlsock.tls { cert = dir .. "/server.pem", key = dir .. "/server.key" })
  local listener = assert(urlsock.listen("tcp://127.0.0.1:0"))
  listener:settimeout(20)
  print(listener:localname())
  io.stdout:flush()
  serve(listener, tls, connections, injected == "inject" and "250 injected\r\n" or "")
  return
end

-- A certificate authority, and a certificate for "localhost".
local function certificates()
  local dir = os.tmpname()
  os.remove(dir)
  run("mkdir -m 700 " .. dir)
  local quiet = " 2>/dev/null"
  run(("openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj '/CN=Example CA' " ..
    "-keyout %s/ca.key -out %s/ca.pem%s"):format(dir, dir, quiet))
  run(("openssl req -newkey rsa:2048 -nodes -subj /CN=localhost " ..
    "-keyout %s/server.key -out %s/req%s"):format(dir, dir, quiet))
  run(("echo subjectAltName=DNS:localhost >%s/ext"):format(dir))
  run(("openssl x509 -req -in %s/req -CA %s/ca.pem -CAkey %s/ca.key -CAcreateserial -days 1 " ..
    "-extfile %s/ext -out %s/server.pem%s"):format(dir, dir, dir, dir, dir, quiet))
  return dir
end

-- kept, as a pipe that is collected waits for its program to end
local pipes = {}

local function start_server(dir, connections, how)
  local lua = arg[-1] or "lua"
  local command = "exec %s %s serve %s %d %s"
  local pipe = io.popen(command:format(lua, arg[0], dir, connections, how or ""), "r")
  pipes[#pipes + 1] = pipe
  local url = assert(pipe:read("*l"), "the server did not start")
  return urlsock.parse(url).port
end

-- Sends a line, prints both sides, reads an answer to its last line.
local function ask(s, line)
  if line then
    print("C: " .. line)
    assert(s:write(line, "\r\n"))
  end
  local answer
  repeat
    answer = assert(s:read())
    print("S: " .. answer)
  until answer:sub(4, 4) ~= "-"
  return answer
end

local function connect(port)
  local s = assert(urlsock.connect("tcp://localhost:" .. port, { timeout = 10 }))
  ask(s)
  ask(s, "EHLO me.example.org")
  ask(s, "STARTTLS")
  return s
end

local dir = certificates()
local port = start_server(dir, 2)

print("-- a message over STARTTLS")
local s = connect(port)
assert(s:starttls { ca = dir .. "/ca.pem" })
local info = s:info()
print(("-- %s, %s, certificate %s by %s, until %s"):format(info.version, info.cipher,
  info.peer.subject, info.peer.issuer, os.date("!%Y-%m-%d", info.peer.notafter)))
ask(s, "EHLO me.example.org")
ask(s, "MAIL FROM:<me@example.org>")
ask(s, "RCPT TO:<you@example.org>")
ask(s, "DATA")
ask(s, "Subject: hello\r\n\r\nsent over a verified connection\r\n.")
ask(s, "QUIT")
s:close()

print("-- a certificate for another name is refused")
s = connect(port)
local ok, message, code = s:starttls { ca = dir .. "/ca.pem", servername = "mail.example.org" }
print("-- " .. tostring(code) .. ": " .. tostring(message))
assert(not ok and code == "verify")
assert(select(3, s:write("AUTH PLAIN secret\r\n")) == "verify")

print("-- plaintext injected before the handshake is refused")
s = connect(start_server(dir, 1, "inject"))
ok, message, code = s:starttls { ca = dir .. "/ca.pem" }
print("-- " .. tostring(code) .. ": " .. tostring(message))
assert(not ok and code == "injected")

run("rm -r " .. dir)
print("-- done")
