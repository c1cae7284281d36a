-- A request's way in: route, key, limit, body, upstream. And its way out: one usage record and the metrics, on every
-- exit path. Prompts, answers and keys are in neither.
local attempts = require("sanmen.attempts")
local auth = require("sanmen.auth")
local cjson = require("cjson.safe")
local client = require("sanmen.client")
local config = require("sanmen.config")
local errors = require("sanmen.errors")
local limits = require("sanmen.limits")
local metrics = require("sanmen.metrics")
local upstream = require("sanmen.upstream")
local websocket = require("sanmen.websocket")

local _M = {}

local ROUTES = {
  ["/v1/messages"] = { name = "messages", shape = "anthropic", protocol = "messages", method = "POST" },
  ["/v1/messages/count_tokens"] = { name = "count_tokens", shape = "anthropic", method = "POST" },
  ["/v1/chat/completions"] = { name = "chat_completions", shape = "openai", protocol = "chat", method = "POST" },
  ["/v1/responses"] = { name = "responses", shape = "openai", protocol = "responses", method = "POST" },
  ["/v1/embeddings"] = { name = "embeddings", shape = "openai", protocol = "chat", method = "POST" },
  ["/v1/models"] = { name = "models", method = "GET" },
  ["/v1/realtime"] = { name = "realtime", shape = "openai", method = "GET", websocket = true },
}
local UNKNOWN = { name = "unknown" }
local PIECE_BYTES = 65536
-- More than what is looked for is long, some spaces in it included.
local OVERLAP_BYTES = 128

local function route_of(path)
  local route = ROUTES[path]
  if not route and path:find("^/v1/models/[%w._:/-]+$") and not path:find("..", 1, true) then
    route = ROUTES["/v1/models"]
  end
  return route
end

local STREAM_WANTED = [["stream"\s*:\s*true]]

-- wants_stream(text): does the request ask for events? Decoded only if the words are there at all.
local function wants_stream(text)
  if not text:find('"stream"', 1, true) or not ngx.re.find(text, STREAM_WANTED, "jo") then
    return false
  end
  local document = cjson.decode(text)
  return type(document) == "table" and document.stream == true
end

-- body_of_file(path) -> body, does it ask for events? As Lua tables, such a body could take a worker's time and memory
-- away from all others, so here the words alone decide: wrong only if they are inside another object of the request.
local function body_of_file(path)
  local file = assert(io.open(path, "rb"))
  local wanted, rest = false, ""
  local piece = file:read(PIECE_BYTES)
  while piece and not wanted do
    local text = rest .. piece
    wanted = ngx.re.find(text, STREAM_WANTED, "jo") ~= nil
    rest, piece = text:sub(-OVERLAP_BYTES), file:read(PIECE_BYTES)
  end
  local size = file:seek("end")
  file:close()
  return { file = path, size = size }, wanted
end

local function read_body()
  ngx.req.read_body()
  local text = ngx.req.get_body_data()
  if text then
    return { text = text, size = #text }, wants_stream(text)
  end
  local path = ngx.req.get_body_file()
  if not path then
    return { text = "", size = 0 }, false
  end
  return body_of_file(path)
end

local function refuse(ex, kind, message)
  ex.end_reason = "refused"
  return client.refuse(ex, kind, message)
end

local function within_limit(ex)
  local taken = limits.take(ex.tenant)
  if taken.allowed then
    return true
  end
  local wait_s = math.max(1, math.ceil(taken.wait_ms / 1000))
  ngx.header["retry-after"] = wait_s
  ngx.header["retry-after-ms"] = math.max(1, taken.wait_ms)
  if ex.shape == "anthropic" then
    ngx.header["anthropic-ratelimit-requests-limit"] = taken.limit
    ngx.header["anthropic-ratelimit-requests-remaining"] = 0
  else
    ngx.header["x-ratelimit-limit-requests"] = taken.limit
    ngx.header["x-ratelimit-remaining-requests"] = 0
  end
  local text = "limit of " .. taken.limit .. " requests per minute reached; retry after " .. wait_s .. " s"
  refuse(ex, "rate_limited", text)
  return false
end

local function enter(route)
  local shape = route.shape or errors.shape_of_request()
  local ex = { route = route, shape = shape, protocol = route.protocol, request_id = ngx.var.request_id }
  ex.started = ngx.req.start_time()
  ex.last_write = ngx.now()
  ngx.ctx.exchange = ex
  return ex
end

local function allowed(ex, route)
  if ngx.req.get_method() ~= route.method then
    ngx.header["allow"] = route.method
    return refuse(ex, "method_not_allowed", "this path takes " .. route.method)
  end
  local tenant, kind, message = auth.tenant()
  if not tenant then
    return refuse(ex, kind, message)
  end
  ex.tenant = tenant
  return within_limit(ex)
end

local function target()
  local args = ngx.var.args
  return ngx.var.uri .. (args and args ~= "" and ("?" .. args) or "")
end

local function count(route)
  ngx.var.sanmen_in_flight = route.name
  metrics.in_flight(route.name, 1)
end

-- admit(): access phase of every API path; what it answers goes no further
function _M.admit()
  local route = route_of(ngx.var.uri)
  local ex = enter(route or UNKNOWN)
  if not route then
    return refuse(ex, "not_found", "this gateway has no such path")
  elseif route.websocket then
    return refuse(ex, "upgrade_required", "this path takes WebSocket connections over HTTP/1.1")
  elseif not allowed(ex, route) then
    return
  end
  ex.body, ex.stream = read_body()
  ex.stream = ex.stream and ex.protocol ~= nil
  ex.method, ex.target, ex.headers = route.method, target(), upstream.common_headers()
end

-- run(): content phase of what was admitted
function _M.run()
  local ex = ngx.ctx.exchange
  count(ex.route)
  client.watch(ex)
  return attempts.run(ex)
end

local function without_keys(protocols)
  local kept = {}
  for item in tostring(protocols):gmatch("[^,%s]+") do
    -- Browsers cannot set headers, so some clients put a key here; it must not go on.
    if not item:find("api%-key") then
      kept[#kept + 1] = item
    end
  end
  return #kept > 0 and table.concat(kept, ", ") or nil
end

-- run_websocket(): content phase of /v1/realtime with an upgrade
function _M.run_websocket()
  local route = ROUTES["/v1/realtime"]
  local ex = enter(route)
  if not allowed(ex, route) then
    return
  end
  ex.body = { text = "", size = 0 }
  ex.method, ex.target, ex.headers = "GET", target(), upstream.common_headers()
  ex.headers["sec-websocket-protocol"] = without_keys(ex.headers["sec-websocket-protocol"] or "")
  count(route)
  return websocket.run(ex)
end

local function record(ex, status, duration_s)
  local usage = ex.usage or {}
  return cjson.encode({
    time = ngx.utctime():gsub(" ", "T") .. "Z",
    request_id = ex.request_id,
    env = config.env,
    region = config.region,
    route = ex.route.name,
    tenant = ex.tenant and ex.tenant.name or cjson.null,
    upstream = ex.upstream or cjson.null,
    upstream_request_id = ex.upstream_request_id or cjson.null,
    model = ex.model and ex.model:sub(1, 128) or cjson.null,
    attempts = ex.attempts or 0,
    status = status,
    end_reason = ex.end_reason or (status == 499 and "client_gone" or "done"),
    input_tokens = usage.input or cjson.null,
    output_tokens = usage.output or cjson.null,
    usage_source = usage.seen and "upstream" or "none",
    duration_s = math.floor(duration_s * 1000 + 0.5) / 1000,
    first_token_s = ex.first_token_s and math.floor(ex.first_token_s * 1000 + 0.5) / 1000 or cjson.null,
    bytes_sent = tonumber(ngx.var.bytes_sent),
    client = ngx.var.remote_addr,
    protocol = ngx.var.server_protocol,
  })
end

-- leave(): log phase
function _M.leave()
  local ex = ngx.ctx.exchange or { route = { name = "malformed" }, request_id = ngx.var.request_id }
  local status = ngx.status
  local route, tenant = ex.route.name, ex.tenant and ex.tenant.name or ""
  local in_flight = ngx.var.sanmen_in_flight
  if in_flight ~= "" then
    metrics.in_flight(in_flight, -1)
  end
  ngx.update_time()
  local duration_s = ngx.now() - ngx.req.start_time()
  local chosen = ex.upstream or ""
  local labels = metrics.labels("route", route, "tenant", tenant, "upstream", chosen, "status", status)
  metrics.add("sanmen_requests_total", labels)
  labels = metrics.labels("route", route, "upstream", chosen)
  metrics.observe("sanmen_request_duration_seconds", labels, duration_s)
  for kind, count in pairs({ input = ex.usage and ex.usage.input, output = ex.usage and ex.usage.output }) do
    labels = metrics.labels("tenant", tenant, "upstream", chosen, "type", kind)
    metrics.add("sanmen_tokens_total", labels, count)
  end
  ngx.var.sanmen_record = record(ex, status, duration_s)
end

return _M
