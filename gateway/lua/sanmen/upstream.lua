-- HTTP/1.1 to an upstream over a verified TLS cosocket, kept alive between requests.
-- A connection is a table: socket, buffer (received, not consumed), reused, status, headers.
local config = require("sanmen.config")
local tenants = require("sanmen.tenants")

local _M = {}

local READ_BYTES = 65536
local HEAD_LIMIT_BYTES = 131072
-- A name is looked up for new connections only, so kept ones are not reused beyond this: an address that moved is left.
local POOL_S = 300
local sessions = {}

-- Hop-by-hop, the gateway's own business, or bound to a credential that is not the tenant's.
local NOT_FORWARDED = {
  ["accept-encoding"] = true, -- answers are read on the way, so they come unencoded
  ["authorization"] = true,
  ["connection"] = true,
  ["content-length"] = true,
  ["cookie"] = true,
  ["expect"] = true,
  ["forwarded"] = true,
  ["host"] = true,
  ["http2-settings"] = true,
  ["keep-alive"] = true,
  ["openai-organization"] = true,
  ["openai-project"] = true,
  ["proxy-authorization"] = true,
  ["proxy-connection"] = true,
  ["te"] = true,
  ["trailer"] = true,
  ["transfer-encoding"] = true,
  ["upgrade"] = true,
  ["via"] = true,
  ["x-api-key"] = true,
  ["x-real-ip"] = true,
}

local function forwarded(name)
  return not NOT_FORWARDED[name] and name:sub(1, 12) ~= "x-forwarded-"
end

-- common_headers(): what of the client's request goes to any upstream: lower-case name -> value or list
function _M.common_headers()
  local out = {}
  for name, value in pairs(ngx.req.get_headers(0)) do
    name = name:lower()
    if forwarded(name) then
      out[name] = value
    end
  end
  return out
end

local function add(lines, name, value)
  for _, item in ipairs(type(value) == "table" and value or { value }) do
    lines[#lines + 1] = name .. ": " .. item
  end
end

-- head(upstream, shape, method, target, headers, extra) -> request head as text. extra: lines for this request alone
function _M.head(upstream, shape, method, target, headers, extra)
  local lines = { method .. " " .. upstream.path_prefix .. target .. " HTTP/1.1" }
  add(lines, "host", upstream.port == 443 and upstream.host or (upstream.host .. ":" .. upstream.port))
  for name, value in pairs(headers) do
    add(lines, name, value)
  end
  for name, value in pairs(upstream.headers) do
    if headers[name] == nil then
      add(lines, name, value)
    end
  end
  local credential = tenants.credential(upstream)
  if upstream.credential_styles[shape] == "x-api-key" then
    add(lines, "x-api-key", credential)
  else
    add(lines, "authorization", "Bearer " .. credential)
  end
  for _, line in ipairs(extra) do
    lines[#lines + 1] = line
  end
  return table.concat(lines, "\r\n") .. "\r\n\r\n"
end

-- connect(upstream, fresh) -> connection | nil, "connect" or "tls", detail. fresh: do not reuse an idle one
function _M.connect(upstream, fresh)
  local socket = ngx.socket.tcp()
  socket:settimeouts(upstream.connect_timeout_s * 1000, upstream.send_timeout_s * 1000, upstream.read_timeout_s * 1000)
  local pool = upstream.name .. "|" .. (fresh and ngx.var.request_id or math.floor(ngx.time() / POOL_S))
  local options = { pool = pool, pool_size = math.max(1, upstream.keepalive) }
  local ok, reason = socket:connect(upstream.host, upstream.port, options)
  if not ok then
    return nil, "connect", reason
  end
  local reused = socket:getreusedtimes() > 0
  if not reused then
    -- The library (lua-resty-core 0.1.25) raises where a handshake ends at once and then the certificate is refused.
    local ran, session, refused = pcall(socket.sslhandshake, socket, sessions[upstream.name], upstream.host, true)
    if not (ran and session) then
      sessions[upstream.name] = nil
      socket:close()
      return nil, "tls", ran and refused or "the certificate is refused"
    end
    sessions[upstream.name] = session
  end
  return { socket = socket, upstream = upstream, buffer = "", reused = reused, fresh = fresh }
end

-- fill(connection, timeout_s) -> true | nil, reason: more bytes in the buffer. A timeout loses nothing.
function _M.fill(connection, timeout_s)
  local upstream = connection.upstream
  connection.socket:settimeouts(0, upstream.send_timeout_s * 1000, math.max(1, timeout_s * 1000))
  local data, reason = connection.socket:receiveany(READ_BYTES)
  if not data then
    return nil, reason
  end
  connection.buffer = connection.buffer == "" and data or (connection.buffer .. data)
  return true
end

local function parse_head(text)
  local status = text:match("^HTTP/1%.[01] (%d%d%d)")
  if not status then
    return nil
  end
  local headers = {}
  for name, value in text:gmatch("\r?\n([^:\r\n]+):[ \t]*([^\r\n]*)") do
    name = name:lower()
    local had = headers[name]
    if had == nil then
      headers[name] = value
    elseif type(had) == "table" then
      had[#had + 1] = value
    else
      headers[name] = { had, value }
    end
  end
  return tonumber(status), headers, text:sub(1, 8) == "HTTP/1.0"
end

local function plan_body(connection, old)
  local headers, status = connection.headers, connection.status
  local encoding, length = headers["transfer-encoding"], headers["content-length"]
  connection.keep = not old and tostring(headers["connection"] or ""):lower() ~= "close"
  if status == 204 or status == 304 then
    connection.body = { kind = "length", left = 0 }
  elseif type(encoding) == "string" and encoding:lower() == "chunked" then
    connection.body = { kind = "chunked", state = "size", left = 0 }
  elseif encoding == nil and type(length) == "string" and length:find("^%d+$") then
    connection.body = { kind = "length", left = tonumber(length) }
  elseif encoding == nil and length == nil then
    connection.body = { kind = "close" }
    connection.keep = false
  else
    return nil, "protocol"
  end
  return true
end

-- take_head(connection) -> true if status and headers are there, false if more bytes are needed, nil, "protocol"
function _M.take_head(connection)
  while true do
    local first, last = connection.buffer:find("\r?\n\r?\n")
    if not first then
      if #connection.buffer > HEAD_LIMIT_BYTES then
        return nil, "protocol"
      end
      return false
    end
    local status, headers, old = parse_head(connection.buffer:sub(1, first))
    if not status then
      return nil, "protocol"
    end
    connection.buffer = connection.buffer:sub(last + 1)
    if status >= 200 or status == 101 then
      connection.status, connection.headers = status, headers
      if status == 101 then
        return true
      end
      return plan_body(connection, old)
    end
  end
end

local function take_chunked(connection, body, out)
  local buffer, at = connection.buffer, 1
  while body.state ~= "done" do
    if body.state == "data" then
      local piece = buffer:sub(at, at + body.left - 1)
      if #piece == 0 then
        break
      end
      out[#out + 1] = piece
      at, body.left = at + #piece, body.left - #piece
      if body.left == 0 then
        body.state = "crlf"
      end
    else
      local ending = buffer:find("\n", at, true)
      if not ending then
        if #buffer - at > 8192 then
          return nil, "protocol"
        end
        break
      end
      local line = buffer:sub(at, ending - 1):gsub("\r$", "")
      at = ending + 1
      if body.state == "crlf" then
        body.state = "size"
      elseif body.state == "trailer" then
        body.state = line == "" and "done" or "trailer"
      else
        local digits = line:match("^(%x+)%s*$") or line:match("^(%x+)%s*;")
        if not digits or #digits > 12 then
          return nil, "protocol"
        end
        local size = tonumber(digits, 16)
        body.left, body.state = size, size == 0 and "trailer" or "data"
      end
    end
  end
  connection.buffer = buffer:sub(at)
  body.done = body.state == "done"
  return true
end

-- take_body(connection) -> payload in the buffer (maybe ""), finished | nil, reason
function _M.take_body(connection)
  local body = connection.body
  if body.kind == "chunked" then
    local out = {}
    local ok, reason = take_chunked(connection, body, out)
    if not ok then
      return nil, reason
    end
    return table.concat(out), body.done
  end
  local data = connection.buffer
  if body.kind == "close" then
    connection.buffer = ""
    return data, false
  end
  local mine = #data <= body.left and data or data:sub(1, body.left)
  connection.buffer = data:sub(#mine + 1)
  body.left = body.left - #mine
  body.done = body.left == 0
  return mine, body.done
end

-- release(connection): back to the pool if the answer was read to its end, else closed
function _M.release(connection)
  local clean = connection.keep and connection.body and connection.body.done and connection.buffer == ""
  local upstream = connection.upstream
  if clean and upstream.keepalive > 0 and not connection.fresh then
    connection.socket:setkeepalive(upstream.keepalive_idle_s * 1000, upstream.keepalive)
  else
    connection.socket:close()
  end
end

function _M.close(connection)
  connection.socket:close()
end

-- candidates(shape, tenant) -> upstreams that may serve this tenant, in the order to try them
function _M.candidates(shape, tenant)
  local groups, orders = {}, {}
  for _, upstream in ipairs(config.upstreams) do
    local allowed = not tenant.mainland_only or upstream.mainland
    if upstream.speaks[shape] and allowed and tenants.credential(upstream) then
      if not groups[upstream.order] then
        groups[upstream.order] = {}
        orders[#orders + 1] = upstream.order
      end
      table.insert(groups[upstream.order], upstream)
    end
  end
  table.sort(orders)
  local out = {}
  for _, order in ipairs(orders) do
    local group = groups[order]
    while #group > 0 do
      local total = 0
      for _, upstream in ipairs(group) do
        total = total + upstream.weight
      end
      local ticket, chosen = math.random() * total, #group
      for i, upstream in ipairs(group) do
        ticket = ticket - upstream.weight
        if ticket < 0 then
          chosen = i
          break
        end
      end
      out[#out + 1] = table.remove(group, chosen)
    end
  end
  return out
end

return _M
