--- POP3: STLS ([RFC 2595](https://www.rfc-editor.org/rfc/rfc2595), section 4).
-- @module urlsock.starttls.pop3

local command = require("urlsock.starttls.talk").command

local pop3 = { options = { greeted = true, optional = true } }

--- RFC 1939, section 3: a status indicator, then perhaps a blank and text.
local function status(line)
  local mark = line:match "^(%+OK)$" or line:match "^(%+OK) " or line:match "^(%-ERR)$" or
    line:match "^(%-ERR) "
  return mark
end

--- The line of an answer that has to be positive.
local function expect(talk, what)
  local line = talk:line(what)
  if not line then return nil end
  if status(line) ~= "+OK" then return talk:wrong(what, line) end
  return line
end

--- The capabilities (RFC 2449, section 5). A server that knows no CAPA has none.
local function capabilities(talk)
  local what = "the answer to CAPA"
  talk:ask "CAPA\r\n"
  local line = talk:line(what)
  if not line then return nil end
  local mark = status(line)
  if mark == "-ERR" then return {} end
  if not mark then return talk:wrong(what, line) end
  return talk:list(what)
end

function pop3.client(talk, o)
  if not o.greeted and not expect(talk, "the greeting") then return nil end
  local set = capabilities(talk)
  if not set then return nil end
  if not set.STLS then return talk:absent() end
  talk:ask "STLS\r\n"
  return expect(talk, "the answer to STLS") and true
end

function pop3.server(talk, o)
  talk:send("+OK ", o.name or "localhost", " POP3 ready\r\n")
  return talk:serve(function(line)
    local verb, rest = command(line)
    if verb == "STLS" then
      if rest ~= "" then return "-ERR STLS takes no parameters" end
      return "+OK begin TLS negotiation", "tls"
    elseif verb == "CAPA" then
      return "+OK capabilities\r\nSTLS\r\nRESP-CODES\r\n."
    elseif verb == "QUIT" then
      return "+OK bye", "left"
    elseif verb == "NOOP" then
      return "+OK"
    end
    return "-ERR must issue STLS first"
  end)
end

return pop3
