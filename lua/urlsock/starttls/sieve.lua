--- ManageSieve: STARTTLS ([RFC 5804](https://www.rfc-editor.org/rfc/rfc5804), section 2.2).
-- @module urlsock.starttls.sieve

local talk_module = require "urlsock.starttls.talk"

local sieve = { options = { greeted = true, optional = true } }

--- A line, with the literals in it as quoted strings (section 4: `{n}` and n bytes).
local function line_of(talk, what)
  local line = talk:line(what)
  while line do
    local head, n = line:match "^(.*){(%d+)%+?}$"
    if not head then return line end
    local literal = #n < 6 and talk:take(tonumber(n), what)
    local rest = literal and talk:line(what)
    if not rest then return talk:wrong(what, line) end
    line = ('%s"%s"%s'):format(head, talk_module.quoted(literal):gsub("%W", "."), rest)
  end
end

local function positive(line)
  local word = line:match "^%S+"
  return word ~= nil and word:upper() == "OK"
end

--- Reads up to OK, NO or BYE, which has to be OK: a set of the capabilities before it.
local function capabilities(talk, what)
  local set = {}
  while true do
    local line = line_of(talk, what)
    if not line then return nil end
    if positive(line) then return set end
    local name = line:match '^"([^"]*)"$' or line:match '^"([^"]*)" '
    if not name then return talk:wrong(what, line) end
    set[name:upper()] = true
  end
end

function sieve.client(talk, o)
  local what = "the greeting"
  if o.greeted then
    what = "the answer to CAPABILITY"
    talk:ask "CAPABILITY\r\n"
  end
  local set = capabilities(talk, what)
  if not set then return nil end
  if not set.STARTTLS then return talk:absent() end
  what = "the answer to STARTTLS"
  talk:ask "STARTTLS\r\n"
  local line = line_of(talk, what)
  if not line then return nil end
  return positive(line) or talk:wrong(what, line)
end

function sieve.server(talk, o)
  local can = '"IMPLEMENTATION" "urlsock"\r\n"SASL" ""\r\n"SIEVE" ""\r\n"STARTTLS"\r\n' ..
    '"VERSION" "1.0"\r\n'
  talk:send(can, 'OK "', o.name or "localhost", ' ready"\r\n')
  return talk:serve(function(line)
    local verb, rest = talk_module.command(line)
    if line:find "{%d+%+?}$" then
      -- what follows are no commands, and nobody has agreed to take it
      return 'BYE "no literals before TLS"', "the client sent a literal in the clear"
    elseif verb == "STARTTLS" and rest == "" then
      return 'OK "begin TLS negotiation now"', "tls"
    elseif verb == "CAPABILITY" then
      return can .. 'OK "done"'
    elseif verb == "NOOP" then
      return 'OK "done"'
    elseif verb == "LOGOUT" then
      return 'OK "bye"', "left"
    end
    return 'NO (ENCRYPT-NEEDED) "must issue STARTTLS first"'
  end)
end

return sieve
