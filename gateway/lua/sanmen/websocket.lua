-- A WebSocket is a tunnel: the handshake goes to an upstream with its credential, then bytes pass both ways as they are,
-- pings included, until one side closes or both are silent for `websocket_idle_s`.
local attempts = require("sanmen.attempts")
local client = require("sanmen.client")
local config = require("sanmen.config")
local relay = require("sanmen.relay")
local upstream = require("sanmen.upstream")

local _M = {}

local READ_BYTES = 65536

local function handshake(ex, chosen)
  local connection, failure = attempts.reach(ex, chosen, { "connection: Upgrade", "upgrade: websocket" })
  if not connection then
    return nil, failure
  end
  if connection.status == 101 then
    ex.tunnel = connection
    return true
  end
  local status = connection.status
  local reply = relay.reply(ex, connection)
  if status >= 500 or status == 429 or status == 401 or status == 402 then
    return nil, { reason = "status_" .. status, reply = status ~= 401 and status ~= 402 and reply or nil }
  elseif not reply then
    return nil, { reason = "upstream_eof" }
  end
  ex.end_reason = "done"
  relay.send_reply(ex, reply)
  return true
end

local function accept(ex)
  local headers = ex.tunnel.headers
  ngx.status = 101
  ngx.header["Upgrade"] = "websocket"
  ngx.header["Sec-WebSocket-Accept"] = headers["sec-websocket-accept"]
  ngx.header["Sec-WebSocket-Protocol"] = headers["sec-websocket-protocol"]
  ngx.header["Sec-WebSocket-Extensions"] = headers["sec-websocket-extensions"]
  ngx.header["x-sanmen-request-id"] = ex.request_id
  ngx.send_headers()
  ngx.flush(true)
  return ngx.req.socket(true)
end

-- pump(from, to, seen, side) -> side that ended it, why
local function pump(from, to, seen, side)
  while true do
    local data, reason = from:receiveany(READ_BYTES)
    if data then
      seen.at = ngx.now()
      local ok = to:send(data)
      if not ok then
        return side, "send"
      end
    elseif reason ~= "timeout" or ngx.now() - seen.at >= config.websocket_idle_s then
      return side, reason == "timeout" and "idle_timeout" or "closed"
    end
  end
end

local function tunnel(ex, downstream)
  local idle_ms = config.websocket_idle_s * 1000
  local far = ex.tunnel.socket
  downstream:settimeouts(idle_ms, ex.tunnel.upstream.send_timeout_s * 1000, idle_ms)
  far:settimeouts(idle_ms, ex.tunnel.upstream.send_timeout_s * 1000, idle_ms)
  local seen = { at = ngx.now() }
  if ex.tunnel.buffer ~= "" then
    downstream:send(ex.tunnel.buffer)
  end
  local up = ngx.thread.spawn(pump, downstream, far, seen, "client")
  local down = ngx.thread.spawn(pump, far, downstream, seen, "upstream")
  local _, side, why = ngx.thread.wait(up, down)
  ngx.thread.kill(up)
  ngx.thread.kill(down)
  far:close()
  ex.end_reason = why == "idle_timeout" and why or (side == "client" and "client_gone" or "done")
end

-- run(ex): a request for a WebSocket from here to its end
function _M.run(ex)
  local ok, failure = attempts.each(ex, handshake)
  if not ok then
    return attempts.tell(ex, failure)
  elseif not ex.tunnel then
    return
  end
  local downstream, reason = accept(ex)
  if not downstream then
    ngx.log(ngx.ERR, "websocket: ", reason)
    upstream.close(ex.tunnel)
    return client.break_off()
  end
  return tunnel(ex, downstream)
end

return _M
