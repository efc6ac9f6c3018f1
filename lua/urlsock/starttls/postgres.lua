--- PostgreSQL: SSLRequest
-- ([message flow](https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-SSL)).
-- @module urlsock.starttls.postgres

local bytes = require "urlsock.starttls.bytes"

local big, number = bytes.big, bytes.number
local postgres = { options = { optional = true } }

-- What a packet of 8 bytes asks for, in the place of a protocol version.
local SSL, GSSENC, CANCEL = 80877103, 80877104, 80877102

--- The message of an ErrorResponse: fields of a letter and a string, up to a zero byte.
local function error_text(talk)
  local what = "the error"
  local length = talk:take(4, what)
  if not length then return nil end
  length = number(length)
  if length < 5 then return talk:wrong(what, "E") end
  local body = talk:take(length - 4, what)
  if not body then return nil end
  local text
  -- a last zero byte of our own: without any, each letter would be tried to the end
  for letter, value in (body .. "\0"):gmatch "(%a)([^%z]*)%z" do
    if letter == "M" then text = value end
  end
  return text or body
end

--- The answer is one byte, and TLS begins behind it. What else has arrived by then is somebody's
-- who sits between (CVE-2021-23222): the stream refuses it.
function postgres.client(talk)
  local what = "the answer to SSLRequest"
  talk:ask(big(4, 8), big(4, SSL))
  local answer = talk:take(1, what)
  if answer == "S" then return true end
  if answer == "N" then return talk:absent() end
  if answer == "E" then
    local text = error_text(talk)
    return text and talk:wrong(what, text)
  end
  return answer and talk:wrong(what, answer)
end

--- Says that a connection in the clear is not taken.
local function refuse(talk)
  local fields = "SFATAL\0VFATAL\0C28000\0MTLS is required\0\0"
  talk:send("E", big(4, #fields + 4), fields)
  return talk:left()
end

function postgres.server(talk)
  local what = "a request"
  while true do
    local head = talk:take(8, what)
    if not head then return nil end
    local length, code = number(head:sub(1, 4)), number(head:sub(5))
    if length == 8 and code == SSL then
      return talk:alone() and talk:send "S" and true
    elseif length == 8 and code == GSSENC then
      talk:send "N"
    elseif length < 8 or code == CANCEL or not talk:take(length - 8, what) then
      return talk:wrong(what, head)
    else
      return refuse(talk)
    end
  end
end

return postgres
