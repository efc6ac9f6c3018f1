--- NNTP: STARTTLS ([RFC 4642](https://www.rfc-editor.org/rfc/rfc4642), section 2).
-- @module urlsock.starttls.nntp

local command = require("urlsock.starttls.talk").command

local nntp = { options = { greeted = true, optional = true } }

--- A status line (RFC 3977, section 3.2): its code and itself.
local function status(talk, what)
  local line = talk:line(what)
  if not line then return nil end
  local code = line:match "^([1-5]%d%d)$" or line:match "^([1-5]%d%d) "
  if not code then return talk:wrong(what, line) end
  return code, line
end

local function greeting(talk)
  local code, line = status(talk, "the greeting")
  if not code then return nil end
  -- RFC 3977, section 5.1: posting allowed, or not
  return code == "200" or code == "201" or talk:wrong("the greeting", line)
end

--- The capabilities (RFC 3977, section 5.2). A server that does not know the question has none.
local function capabilities(talk)
  local what = "the answer to CAPABILITIES"
  talk:ask "CAPABILITIES\r\n"
  local code, line = status(talk, what)
  if code == "101" then return talk:list(what) end
  if code == "500" or code == "502" then return {} end
  return code and talk:wrong(what, line)
end

function nntp.client(talk, o)
  if not o.greeted and not greeting(talk) then return nil end
  local set = capabilities(talk)
  if not set then return nil end
  if not set.STARTTLS then return talk:absent() end
  local what = "the answer to STARTTLS"
  talk:ask "STARTTLS\r\n"
  local code, line = status(talk, what)
  if not code then return nil end
  return code == "382" or talk:wrong(what, line)
end

function nntp.server(talk, o)
  talk:send("200 ", o.name or "localhost", " NNTP ready\r\n")
  return talk:serve(function(line)
    local verb, rest = command(line)
    if verb == "STARTTLS" then
      if rest ~= "" then return "501 STARTTLS takes no arguments" end
      return "382 begin TLS negotiation", "tls"
    elseif verb == "CAPABILITIES" then
      return "101 capabilities\r\nVERSION 2\r\nREADER\r\nSTARTTLS\r\n."
    elseif verb == "MODE" and rest:upper() == "READER" then
      return "200 ready"
    elseif verb == "QUIT" then
      return "205 bye", "left"
    end
    return "483 must issue STARTTLS first"
  end)
end

return nntp
