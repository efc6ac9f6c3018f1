--- The program `urlsock`: sockets from the shell; see urlsock(1).
-- @module urlsock.cli

local arguments = require "urlsock.cli.arguments"
local core = require "urlsock.core"
local facts = require "urlsock.cli.facts"
local json = require "urlsock.cli.json"
local relay = require "urlsock.cli.relay"
local urlsock = require "urlsock"

local cli = {}

local OK, FAILURE, USAGE, UNKNOWN, INTERRUPTED = 0, 1, 2, 3, 130

local function say(format, ...)
  io.stderr:write("urlsock: ", facts.clean(format:format(...)), "\n")
end

--- Reports a failure. Of a check it is its status for what could not be found out.
local failure = FAILURE
local function complain(message, code)
  say("%s (%s)", message, code)
  return failure
end

--- Prints lines; a failure to do so is one of the program.
local function print_lines(lines, status)
  local ok, message = io.stdout:write(table.concat(lines, "\n"), "\n")
  if ok then ok, message = io.stdout:flush() end
  if not ok then return complain("standard output: " .. message, "system") end
  return status
end

--- The options of connect and listen.
local function options_of(o)
  return {
    timeout = o.timeout, bind = o.bind, via = o.via, tls = o.tls, starttls = o.starttls,
    proxy = o["proxy-protocol"] and "require" or nil,
  }
end

--- The dialogues; nil, message, code where they are not there or do not know the protocol.
local function dialogues(protocol)
  local ok, starttls = pcall(require, "urlsock.starttls")
  if not ok then
    return nil, "--starttls: urlsock.starttls is not installed", "unsupported"
  end
  for _, name in ipairs(starttls.protocols()) do
    if name == protocol then return starttls end
  end
  return nil, ("--starttls: unknown protocol '%s' (%s)"):format(protocol,
    table.concat(starttls.protocols(), ", ")), "unsupported"
end

--- Prints what is known of a socket.
local function inform(o, socket)
  local t = facts.of(socket)
  if t.tls and not o.listen then
    local skipped = {}
    for _, what in ipairs { "cert", "name", "time" } do
      if o["insecure-noverify" .. what] then skipped[#skipped + 1] = what end
    end
    t.verified = #skipped == 0 and "yes" or "not " .. table.concat(skipped, ", ")
  end
  return print_lines(o.json and { json.encode(t) } or facts.lines(t), OK)
end

local function describe(socket)
  local t = facts.of(socket)
  return ("%s%s"):format(t.peername or t.localname or "a peer",
    t.tls and (": %s, %s"):format(t.version, t.cipher) or "")
end

--- Joins a socket to standard input and output, or prints its facts; closes it.
local function serve(o, socket, state)
  if o.verbose then say("connected: %s", describe(socket)) end
  if o.info then
    local status = inform(o, socket)
    socket:close()
    return status
  end
  local ok, message, code = relay(socket, {
    silence = o.timeout, no_shutdown = o["no-shutdown"], bound = o.listen, keep = o.keep,
  }, state)
  socket:close()
  return ok and OK or complain(message, code)
end

local function connect(o)
  local options = options_of(o)
  local socket, message, code = urlsock.connect(o.url, o.port, options)
  if not socket then return complain(message, code) end
  return serve(o, socket, {})
end

--- From an accepted connection to one that can be talked over.
local function greet(o, s, starttls)
  if not starttls then return s:handshake() end
  return starttls.server(o.starttls, s, { tls = o.tls, timeout = o.timeout })
end

--- Serves one client after another, or one.
local function serve_clients(o, l, starttls)
  local state = {}
  while true do
    local s, message, code = l:accept()
    if not s then return complain(message, code) end
    if not o.keep then l:close() end
    local ok, status
    ok, message, code = greet(o, s, starttls)
    if ok then
      status = serve(o, s, state)
    else
      s:close()
      status = complain(message, code)
    end
    if not o.keep then return status end
  end
end

--- What the server's side of a dialogue needs, before anybody connects: a URL in the clear, and a
-- certificate with its key.
local function serves(o)
  local u, message, code = urlsock.parse(o.url, o.port)
  if not u then return nil, message, code end
  if u.scheme ~= "tcp" and u.scheme ~= "unix" then
    return nil, ("%s: starttls begins in the clear: tcp:// or unix://"):format(u.url), "url"
  end
  local config
  config, message, code = urlsock.tls(o.tls or {})
  if not config then return nil, message, code end
  return core.tls.serves(config)
end

local function listen(o, starttls, opened)
  local options = options_of(o)
  local l, message, code
  options.starttls = nil
  if starttls then
    options.tls = nil
    local ok
    ok, message, code = serves(o)
    if not ok then return complain(message, code) end
  end
  l, message, code = urlsock.listen(o.url, o.port, options)
  if not l then return complain(message, code) end
  opened.socket = l
  if o.verbose then say("listening: %s", l:localname()) end
  if urlsock.type(l) == "datagram" then return serve(o, l, {}) end
  l:settimeout(nil)
  return serve_clients(o, l, starttls)
end

local function check(o)
  local status, lines, report = require "urlsock.cli.check"(o, options_of(o))
  return print_lines(o.json and { json.encode(report) } or lines, status)
end

local function run(o, opened)
  local starttls
  if o.starttls then
    local message, code
    starttls, message, code = dialogues(o.starttls)
    if not starttls then return complain(message, code) end
  end
  if o.check then return check(o) end
  return (o.listen and listen or connect)(o, starttls, opened)
end

--- Fills the standard descriptors that are not open: a socket would take their place, and be read
-- and written as standard input and output.
local function fill_standard()
  local filled = {}
  for fd = 0, 2 do
    if core.stdio.terminal(fd) == nil then filled[#filled + 1] = io.open("/dev/null", "r+") end
  end
  return filled
end

--- Runs the program.
-- @tparam table words of the command line
-- @treturn number exit status
function cli.main(words)
  local opened = { standard = fill_standard() }
  local o, problem, checks = arguments.parse(words)
  if not o then
    say("%s", problem)
    io.stderr:write("try 'urlsock --help'\n")
    return checks and UNKNOWN or USAGE
  end
  if o.help then return print_lines({ (arguments.usage:gsub("\n$", "")) }, OK) end
  if o.version then return print_lines({ urlsock._VERSION }, OK) end
  failure = o.check and UNKNOWN or FAILURE
  local ok, status = pcall(run, o, opened)
  if ok then return status end
  if opened.socket then opened.socket:close() end
  if tostring(status):find "interrupted!$" then return INTERRUPTED end
  say("%s", tostring(status))
  return failure
end

return cli
