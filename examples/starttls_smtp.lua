-- Sends a message over STARTTLS; the server has to prove that it is the host.
--
--   lua examples/starttls_smtp.lua host port sender recipient [ca.pem] <message
local urlsock = require "urlsock"

local host, port, sender, recipient, ca = arg[1], tonumber(arg[2]), arg[3], arg[4], arg[5]
local s = assert(urlsock.connect(host, port, { starttls = "smtp", tls = { ca = ca } }))

-- Sends a line; the answer has to begin with that code.
local function ask(line, code)
  assert(s:write(line, "\r\n"))
  local answer
  repeat
    answer = assert(s:read())
    assert(answer:sub(1, 3) == code, answer)
  until answer:sub(4, 4) ~= "-"
  return answer
end

-- what the server offered in the clear is forgotten: EHLO is said again
ask("EHLO localhost", "250")
ask("MAIL FROM:<" .. sender .. ">", "250")
ask("RCPT TO:<" .. recipient .. ">", "250")
ask("DATA", "354")
for line in io.lines() do
  assert(s:write((line:gsub("^%.", "..")), "\r\n"))
end
print(ask(".", "250"), s:info().version)
ask("QUIT", "221")
s:close()
