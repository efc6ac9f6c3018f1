--- IMAP: STARTTLS ([RFC 9051](https://www.rfc-editor.org/rfc/rfc9051), section 6.2.1).
-- @module urlsock.starttls.imap

local imap = { options = { greeted = true, optional = true } }

--- The word of a status response behind its tag: OK, NO, BAD, PREAUTH, BYE (section 7.1).
local function status(line, tag)
  if line:sub(1, #tag + 1) ~= tag .. " " then return nil end
  return line:upper():match("^%S+", #tag + 2)
end

--- Section 7.1: only OK leaves us where STARTTLS may be asked. With PREAUTH it may not any more,
-- and all that follows would be in the clear.
local function greeting(talk)
  local line = talk:line "the greeting"
  if not line then return nil end
  if status(line, "*") ~= "OK" then return talk:wrong("the greeting", line) end
  return true
end

--- What may come untagged before authentication (section 7): a mailbox's data may not, and
-- PREAUTH and BYE end it.
local untagged = { OK = true, NO = true, BAD = true, CAPABILITY = true }

--- Asks, and reads up to the answer with the question's tag, which has to be OK. What is untagged
-- is handed to a function; an untagged status is no answer, and no literal is due here.
local function ask(talk, tag, question, data)
  local what = "the answer to " .. question
  talk:ask(tag, " ", question, "\r\n")
  while true do
    local line = talk:line(what)
    if not line then return nil end
    if status(line, tag) == "OK" then return true end
    if not untagged[status(line, "*") or ""] or line:find "{%d+%+?}$" then
      return talk:wrong(what, line)
    end
    data(line:upper())
  end
end

function imap.client(talk, o)
  if not o.greeted and not greeting(talk) then return nil end
  local offered = false
  local function capability(line)
    if line:match "^%* CAPABILITY " then
      offered = (line .. " "):find(" STARTTLS ", 1, true) ~= nil
    end
  end
  if not ask(talk, "a1", "CAPABILITY", capability) then return nil end
  if not offered then return talk:absent() end
  return ask(talk, "a2", "STARTTLS", function() end)
end

function imap.server(talk, o)
  local can = "CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED"
  talk:send("* OK [", can, "] ", o.name or "localhost", " ready\r\n")
  return talk:serve(function(line)
    -- section 9: a tag is printable, without what begins a literal, a list or a pattern, and "+"
    local tag, verb, rest = line:match "^([!#$&',-Z%[%]^-z|}~]+) ([%a_]+)(.*)$"
    if line:find "{%d+%+?}$" then
      -- what follows are no commands, and nobody has agreed to take it
      return "* BYE no literals before TLS", "the client sent a literal in the clear"
    elseif not tag then
      return "* BAD a tag and a command are expected"
    end
    verb = verb:upper()
    local bare = rest == ""
    if verb == "STARTTLS" and bare then
      return tag .. " OK begin TLS negotiation now", "tls"
    elseif verb == "CAPABILITY" and bare then
      return ("* %s\r\n%s OK done"):format(can, tag)
    elseif verb == "NOOP" and bare then
      return tag .. " OK done"
    elseif verb == "LOGOUT" and bare then
      return ("* BYE until later\r\n%s OK done"):format(tag), "left"
    elseif verb == "LOGIN" or verb == "AUTHENTICATE" then
      return tag .. " NO [PRIVACYREQUIRED] must issue STARTTLS first"
    end
    return tag .. " BAD must issue STARTTLS first"
  end)
end

return imap
