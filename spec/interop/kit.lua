-- Starts the servers beside it, each from its script, in a folder of this run.
local support = require "spec.support.init"

local kit = {}
local shell = support.shell

--- The folder; short, for the Unix sockets in it. The certificates are those of the specs.
function kit.open()
  kit.dir = shell "mktemp -d /tmp/us-XXXXXX"
  shell(("cp -r build/ca %s/ca && chmod 755 %s"):format(kit.dir, kit.dir))
  kit.ca = kit.dir .. "/ca/ca.pem"
end

function kit.close()
  shell("rm -rf " .. kit.dir)
end

--- Starts a server.
-- @treturn ?table its ports by their names
-- @treturn ?string why it did not start
function kit.start(name, environment)
  local out = shell(("%s bash spec/interop/%s.sh start %s 2>&1; echo status=$?"):format(
    environment or "", name, kit.dir))
  if not out:find "status=0$" then return nil, out end
  local ports = {}
  for key, port in out:gmatch "([%u%d_]+)=(%d+)" do ports[key] = tonumber(port) end
  return ports
end

function kit.stop(name)
  shell(("bash spec/interop/%s.sh stop %s 2>&1"):format(name, kit.dir))
end

--- Is a program here, and may we start it? They want root.
function kit.has(path)
  return shell "id -u" == "0" and
    shell(("PATH=$PATH:/usr/sbin; ls %s 2>/dev/null || command -v %s"):format(path, path)) ~= ""
end

return kit
