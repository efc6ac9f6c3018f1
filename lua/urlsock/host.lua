--- Which scheduler runs here and now: what was said, or what is found.
-- @module urlsock.host

local plain = require "urlsock.host.plain"

local host = {}
local said -- by use()

-- Those that can tell that they run, each once its own module is loaded.
local detectable = { "cqueues", "copas" }
local loaded = package.loaded

local modules = {}
for _, name in ipairs { "plain", "cqueues", "copas", "luv", "nginx" } do
  modules[name] = "urlsock.host." .. name
end

--- Reads a module, which runs once it is required: by the first wait there may be no descriptor
-- left to read it with, or another root directory.
local function preload(module)
  if package.preload[module] then return end
  for _, search in ipairs(package.searchers or package.loaders) do
    local loader, place = search(module)
    if type(loader) == "function" then
      package.preload[module] = function(name) return loader(name, place) end
      return
    end
  end
end

for _, name in ipairs { "cqueues", "copas", "nginx" } do preload(modules[name]) end

-- Not kept here: a scheduler that is loaded anew takes its host along.
local function named(name)
  return loaded[modules[name]] or require(modules[name])
end

local function detect()
  if rawget(_G, "ngx") and named("nginx").running() then return named "nginx" end
  for i = 1, #detectable do
    local name = detectable[i]
    if loaded[name] and named(name).running() then return named(name) end
  end
  return plain
end

--- The host of this moment: a table with `wait` and `closing`.
function host.current() return said or detect() end

--- Tells that a socket is about to be closed: whoever waits for it may do so in another host than
-- the one of this moment.
-- @param socket
-- @tparam ?table waited_in where somebody waits, or has waited last
function host.closing(socket, waited_in)
  local here = host.current()
  here.closing(socket)
  for i = 1, #detectable do
    if loaded[detectable[i]] then named(detectable[i]) end
  end
  for _, module in pairs(modules) do
    local other = loaded[module]
    if other and other ~= here then other.closing(socket) end
  end
  if waited_in and waited_in ~= here then waited_in.closing(socket) end
end

--- The same for a descriptor that is closed already, and whose number nobody has taken yet.
function host.closed(fd)
  local gone = { fd = function() return fd end }
  for _, module in pairs(modules) do
    if loaded[module] then loaded[module].closing(gone) end
  end
end

local hooks = { wait = "function", closing = "function", sleep = "function" }
local settings = { nginx = { blocking = "boolean", pool = "string or boolean" } }

--- What is wrong with a table of settings; nil where nothing is.
local function problem_of(given, known)
  if type(given) ~= "table" then return "bad argument #2 to 'use' (table expected)" end
  for key, value in pairs(given) do
    if not known[key] then return ("unknown option '%s' to 'use'"):format(tostring(key)) end
    if not known[key]:find(type(value), 1, true) then
      return ("option '%s' to 'use': %s expected"):format(key, known[key])
    end
  end
end

--- Sets it by name or table; nil is detection again.
-- @treturn ?string what is wrong with the arguments
function host.use(given, options)
  local problem
  if given == nil then
    said = nil
  elseif modules[given] then
    problem = options ~= nil and problem_of(options, settings[given] or {})
    if problem then return problem end
    said = named(given)
    for key, value in pairs(options or {}) do said[key] = value end
  elseif type(given) == "table" then
    problem = problem_of(given, hooks)
    if problem then return problem end
    said = { wait = given.wait or plain.wait, closing = given.closing or plain.closing,
      sleep = given.sleep }
  else
    return "bad argument #1 to 'use' (unknown host)"
  end
end

return host
