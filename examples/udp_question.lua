-- Asks a question by datagram, three times at most, a second each.
--
--   lua examples/udp_question.lua udp://127.0.0.1:7000 question
local urlsock = require "urlsock"

local s = assert(urlsock.connect(assert(arg[1], "a URL is needed"), { timeout = 1 }))
for _ = 1, 3 do
  assert(s:send(arg[2] or ""))
  local answer, message, code = s:receive()
  if answer then
    print(answer)
    return
  end
  if code ~= "timeout" then error(message, 0) end
end
error("no answer", 0)
