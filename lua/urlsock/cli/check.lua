--- Is the TLS of a server in order? Aspect by aspect, with a status for monitoring.
-- @module urlsock.cli.check

local core = require "urlsock.core"
local facts = require "urlsock.cli.facts"
local options = require "urlsock.options"
local urlsock = require "urlsock"

local STATUS = { ok = 0, warn = 1, bad = 2, unknown = 3 }
local WORDS = { [0] = "OK", "WARNING", "CRITICAL", "UNKNOWN" }
local DAYS = 14

--- Codes that say nothing about the server: it could not be asked.
local unasked = {
  url = true, scheme = true, removed = true, unsupported = true, memory = true, system = true,
  resolve = true, busy = true,
}

--- Verification without an aspect each; what is left on fails where that one is at fault.
local relaxed = {
  insecure_noverifycert = true, insecure_noverifyname = true, insecure_noverifytime = true,
}

local function with(base, more, without)
  local t = {}
  for k, v in pairs(base or {}) do t[k] = v end
  for k, v in pairs(more) do t[k] = v end
  if without then t[without] = nil end
  return t
end

local check = {}
check.__index = check

--- Notes a result. A message need not begin with the URL, which is known.
function check:add(state, name, text)
  local origin = self.parsed.url .. ": "
  if text:sub(1, #origin) == origin then text = text:sub(#origin + 1) end
  self.results[#self.results + 1] = { state = state, name = name, text = text }
end

--- Connects with other TLS options than those that were asked for.
function check:connect(tls)
  return urlsock.connect(self.url, self.port, with(self.options, { tls = tls }))
end

--- Does it pass with these TLS options? A state, and why.
function check:passes(tls)
  local s, message, code = self:connect(tls)
  if not s then return (code == "verify" or code == "tls") and "bad" or "unknown", message end
  s:close()
  return "ok"
end

--- Is an aspect in order by itself? flag is the option that leaves it out, if there is one.
function check:aspect(name, flag, tls, text)
  if flag and self.tls and self.tls[flag] then
    return self:add("warn", name, "was not verified, as asked for")
  end
  if flag then tls[flag] = nil end
  local state, message = self:passes(tls)
  return self:add(state, name, message or text)
end

--- Why it was not verified: the chain and the name each by itself.
function check:verify_apart()
  self:aspect("chain", "insecure_noverifycert", with(self.tls, relaxed, "pin"),
    "leads to a trusted authority")
  self:aspect("name", "insecure_noverifyname", with(self.tls, relaxed, "pin"),
    "is in the certificate")
  if self.tls and self.tls.pin then
    self:aspect("pin", nil, with(self.tls, relaxed), "is that of the certificate")
  end
end

function check:dates(peer)
  local text, left = facts.validity(peer), peer.notafter and facts.days(peer.notafter)
  if not text then return self:add("unknown", "dates", "the certificate tells none") end
  self.left = left
  local state = "ok"
  if os.time() < peer.notbefore or os.time() > peer.notafter then
    state = "bad"
  elseif left < (self.days or DAYS) then
    state = "warn"
  end
  return self:add(state, "dates", text)
end

function check:version(info)
  local new = info.version == "TLSv1.3" or info.version == "TLSv1.2"
  self:add(new and "ok" or "warn", "version", ("%s, %s"):format(info.version, info.cipher))
end

--- Looks at a server that could be talked to.
function check:look(s, verified)
  local info = facts.of(s)
  self.info = info
  s:close()
  if not info.tls then
    return self:add("bad", "tls", "there is none: tls:// or --starttls is needed")
  end
  if self.options.starttls then
    self:add("ok", "starttls", self.options.starttls
      .. ": offered and done, and nothing was said behind the go-ahead")
  end
  if verified then
    local skipped = false
    for flag in pairs(relaxed) do skipped = skipped or (self.tls and self.tls[flag]) end
    if skipped then
      self:verify_apart()
    else
      self:add("ok", "chain", "leads to a trusted authority: " .. (info.peer.issuer or "?"))
      self:add("ok", "name", ("%s is in the certificate"):format(info.servername
        or self.tls and self.tls.servername or self.parsed.host or "what was asked for"))
      if self.tls and self.tls.pin then self:add("ok", "pin", "is that of the certificate") end
    end
  else
    self:verify_apart()
  end
  self:dates(info.peer)
  return self:version(info)
end

--- What a connection that was refused says.
function check:failed(message, code)
  local name = "connection"
  if code == "starttls" or code == "injected" then
    name = "starttls"
  elseif code == "tls" or code == "verify" or code == "plaintext" then
    name = "tls"
  end
  self:add(unasked[code] and "unknown" or "bad", name, message)
end

function check:run()
  -- its code would be that of a handshake that failed: here the server is not to blame
  local config, problem = options.config(self.tls, core.schemes[self.parsed.scheme].version)
  if not config then return self:add("unknown", "connection", problem) end
  local s, message, code = self:connect(self.tls)
  if s then return self:look(s, true) end
  if code ~= "verify" then return self:failed(message, code) end
  local again, other, why = self:connect(with(self.tls, relaxed, "pin"))
  if not again then
    self:add("bad", "verify", message)
    return self:failed(other, why)
  end
  self:look(again, false)
  -- an intermediate's date, or its purpose: what no aspect tells
  if self:worst() ~= STATUS.bad then self:add("bad", "verify", message) end
end

function check:worst()
  local worst = 0
  for _, result in ipairs(self.results) do
    local status = STATUS[result.state]
    -- unknown is no worse than what is known to be bad
    if status == STATUS.bad or (worst ~= STATUS.bad and status > worst) then worst = status end
  end
  return worst
end

--- The line that a monitor shows.
function check:summary(status)
  local text
  for _, result in ipairs(self.results) do
    if STATUS[result.state] == status and status ~= STATUS.ok and not text then
      text = ("%s: %s"):format(result.name, result.text)
    end
  end
  if not text then text = ("%s, %d days left"):format(self.info.version, self.left) end
  local measure = self.left and (" | days=%d;%.14g;0"):format(self.left, self.days or DAYS) or ""
  return facts.clean(("%s %s: %s"):format(WORDS[status], self.parsed.url, text)):gsub("|", "/")
    .. measure
end

--- Checks a server.
-- @tparam table o from the command line
-- @tparam table socket the options of connect
-- @treturn number status: 0 in order, 1 warning, 2 critical, 3 unknown
-- @treturn table what is to be printed: lines
-- @treturn table the same for JSON
return function(o, socket)
  local parsed, message, code = urlsock.parse(o.url, o.port)
  local c = setmetatable({
    url = o.url, port = o.port, parsed = parsed or { url = o.url }, options = socket, tls = o.tls,
    days = o.days, results = {},
  }, check)
  if parsed then c:run() else c:failed(message, code) end
  local status = c:worst()
  local lines = { (c:summary(status)) }
  for _, result in ipairs(c.results) do
    lines[#lines + 1] = ("%-8s %-11s %s"):format(result.state, result.name,
      facts.clean(result.text))
  end
  return status, lines, {
    status = WORDS[status], url = c.parsed.url, checks = c.results, days = c.left, info = c.info,
  }
end
