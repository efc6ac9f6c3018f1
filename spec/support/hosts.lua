-- How each host runs functions as coroutines, until all are done.
local urlsock = require "urlsock"

local hosts = {}

function hosts.cqueues(cqueues, ...)
  local controller = cqueues.new()
  for _, f in ipairs { ... } do controller:wrap(f) end
  assert(controller:loop())
end

function hosts.copas(copas, ...)
  local left = 0
  for _, f in ipairs { ... } do
    left = left + 1
    copas.addthread(function()
      f()
      left = left - 1
    end)
  end
  if copas.running == nil then
    while left > 0 do copas.step(1) end
  else
    copas.loop()
  end
end

function hosts.luv(uv, ...)
  urlsock.use "luv"
  for _, f in ipairs { ... } do
    local thread = coroutine.create(f)
    assert(coroutine.resume(thread))
  end
  uv.run()
end

return hosts
