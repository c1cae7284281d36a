-- Live: this process answers. Ready: it can serve, and means to; draining makes it fail first.
local config = require("sanmen.config")
local metrics = require("sanmen.metrics")
local tenants = require("sanmen.tenants")

local _M = {}

local function say(status, text, kind)
  ngx.status = status
  ngx.header["Content-Type"] = kind or "text/plain; charset=utf-8"
  ngx.header["Cache-Control"] = "no-store"
  ngx.header["Content-Length"] = #text
  ngx.print(text)
end

local function draining()
  local file = io.open(config.paths.draining, "rb")
  if file then
    file:close()
  end
  return file ~= nil
end

function _M.live()
  say(200, "ok\n")
end

function _M.ready()
  if draining() then
    return say(503, "draining\n")
  end
  local ok, reason = tenants.ready()
  if not ok then
    return say(503, reason .. "\n")
  end
  -- Redis is no condition: without it limits are local, and a region must not leave service for that.
  return say(200, "ok\n")
end

function _M.metrics()
  metrics.set("sanmen_draining", nil, draining() and 1 or 0)
  say(200, metrics.text(), "text/plain; version=0.0.4")
end

return _M
