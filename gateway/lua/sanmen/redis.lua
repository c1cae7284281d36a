-- Redis by cosocket: one function call per request, within one deadline that covers connecting, too.
local config = require("sanmen.config")

local _M = {}

local function encode(...)
  local given = { ... }
  local out = { "*", #given, "\r\n" }
  for _, item in ipairs(given) do
    local text = tostring(item)
    out[#out + 1] = "$" .. #text .. "\r\n" .. text .. "\r\n"
  end
  return table.concat(out)
end

local function password()
  local text = config.read(config.paths.secrets .. "/redis-password")
  text = text and text:gsub("[\r\n]+$", "")
  return text ~= "" and text or nil
end

-- read_reply(socket, left) -> value | nil, reason. A server error is reason `-ERR ...`.
local function read_reply(socket, left)
  socket:settimeout(left())
  local line, reason = socket:receive("*l")
  if not line then
    return nil, reason
  end
  local kind, rest = line:sub(1, 1), line:sub(2)
  if kind == "+" then
    return rest
  elseif kind == "-" then
    return nil, line
  elseif kind == ":" then
    return tonumber(rest)
  elseif kind == "$" then
    local size = tonumber(rest)
    if size < 0 then
      return false
    end
    local text, failed = socket:receive(size + 2)
    return text and text:sub(1, -3), failed
  elseif kind == "*" then
    local items = {}
    for i = 1, tonumber(rest) do
      local item, failed = read_reply(socket, left)
      if failed then
        return nil, failed
      end
      items[i] = item
    end
    return items
  end
  return nil, "protocol"
end

-- call(timeout_ms, command, ...) -> value | nil, reason
function _M.call(timeout_ms, ...)
  ngx.update_time()
  local deadline = ngx.now() + timeout_ms / 1000
  local function left()
    ngx.update_time()
    return math.max(1, (deadline - ngx.now()) * 1000)
  end
  local socket = ngx.socket.tcp()
  socket:settimeout(timeout_ms)
  local pool = { pool = "redis", pool_size = config.redis.keepalive }
  local ok, reason = socket:connect(config.redis.host, config.redis.port, pool)
  if not ok then
    return nil, reason
  end
  local secret = socket:getreusedtimes() == 0 and password()
  -- The password travels in front of the first command: one round trip, not two.
  socket:settimeout(left())
  ok, reason = socket:send((secret and encode("AUTH", secret) or "") .. encode(...))
  if not ok then
    socket:close()
    return nil, reason
  end
  if secret then
    ok, reason = read_reply(socket, left)
    if not ok then
      socket:close()
      return nil, reason
    end
  end
  local value, failed = read_reply(socket, left)
  if failed and failed:sub(1, 1) ~= "-" then
    socket:close()
    return nil, failed
  end
  socket:setkeepalive(60000, config.redis.keepalive)
  return value, failed
end

return _M
