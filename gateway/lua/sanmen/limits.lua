-- Requests per minute of a tenant: exact by the Redis function while Redis answers, else this worker's share.
local config = require("sanmen.config")
local metrics = require("sanmen.metrics")
local redis = require("sanmen.redis")

local dict = ngx.shared.sanmen_state
local _M = {}

local WINDOW_MS = 60000
-- Late answers are a hiccup of this process as often as of Redis, and one hiccup makes all waiting requests late. Each
-- of them is decided locally at once; Redis counts as lost when nothing but late answers came for this long.
local SILENCE_TO_OPEN_S = 0.1
-- Loading the library and probing happen off the request path, so they may take longer.
local BACKGROUND_TIMEOUT_MS = 1000
local DOWN = "redis_down"

local silent_since = nil
local shares = {}

-- local_take(name, limit) -> allowed, left, wait_ms: GCRA on the share of one worker of all gateways in the region
local function local_take(name, limit, now)
  local share = limit / (config.limits.expected_instances * ngx.worker.count())
  local emission_s = WINDOW_MS / 1000 / share
  local burst_s = math.max(emission_s, WINDOW_MS / 1000)
  local full = math.max(shares[name] or now, now)
  local wait_s = full + emission_s - burst_s - now
  if wait_s > 1e-6 then
    return false, 0, math.ceil(wait_s * 1000)
  end
  shares[name] = full + emission_s
  return true, math.floor((burst_s - (shares[name] - now)) / emission_s), 0
end
_M.local_take = local_take

local function open(reason)
  -- Only the worker that makes the change says so: one line per change of state.
  if dict:add(DOWN, true) then
    metrics.set("sanmen_redis_up", nil, 0)
    ngx.log(ngx.ERR, "redis: lost (", reason, "); each worker enforces its share of the limits")
  end
end

local function close()
  if dict:get(DOWN) then
    dict:delete(DOWN)
    metrics.set("sanmen_redis_up", nil, 1)
    ngx.log(ngx.NOTICE, "redis: back; limits are exact again")
  end
end

-- A Redis that was restarted answers that it does not know the function; the background loads it.
local function forgotten(reason)
  return reason:find("Function not found", 1, true) ~= nil
end

-- load_functions() -> true | nil, reason. The name holds the version, so replacing replaces the same text.
local function load_functions()
  local ok, reason = redis.call(BACKGROUND_TIMEOUT_MS, "FUNCTION", "LOAD", "REPLACE", config.functions)
  return ok and true or nil, reason
end

-- probe() -> true | nil, reason. A real take, as a Redis that is full, read-only or forbids it answers all else. It
-- writes only if it is allowed, so its limit is above what the region's probes come to.
local function probe()
  local function take()
    return redis.call(BACKGROUND_TIMEOUT_MS, "FCALL", "sanmen_v1_take", 1, "sanmen:probe", 1000000, 1000, 1)
  end
  local answer, reason = take()
  if not answer and forgotten(reason) then
    answer, reason = load_functions()
    if answer then
      answer, reason = take()
    end
  end
  return answer and true or nil, reason
end

local function background(premature)
  if premature then
    return
  end
  local ok, reason = probe()
  if ok then
    close()
  else
    metrics.add("sanmen_redis_errors_total")
    open(reason)
  end
end

function _M.init_worker()
  if ngx.worker.id() ~= 0 then
    return
  end
  metrics.set("sanmen_redis_up", nil, dict:get(DOWN) and 0 or 1)
  metrics.add("sanmen_redis_errors_total", nil, 0)
  assert(ngx.timer.at(0, background))
  assert(ngx.timer.every(config.redis.retry_s, background))
end

local function exact_take(tenant)
  local started = ngx.now()
  local key = "sanmen:rpm:{" .. tenant.name .. "}"
  local limit = tenant.requests_per_minute
  local answer, reason = redis.call(config.redis.timeout_ms, "FCALL", "sanmen_v1_take", 1, key, limit, WINDOW_MS, 1)
  ngx.update_time()
  metrics.observe("sanmen_redis_duration_seconds", nil, ngx.now() - started)
  if answer then
    silent_since = nil
    return answer
  end
  silent_since = silent_since or started
  metrics.add("sanmen_redis_errors_total")
  local late = reason == "timeout" and ngx.now() - silent_since < SILENCE_TO_OPEN_S
  if not late and not forgotten(reason) then
    open(reason)
    silent_since = nil
  end
end

-- take(tenant) -> {allowed, limit, left, wait_ms}
function _M.take(tenant)
  local limit = tenant.requests_per_minute
  local answer = not dict:get(DOWN) and exact_take(tenant)
  local result
  if answer then
    result = { allowed = answer[1] == 1, limit = limit, left = answer[3], wait_ms = answer[4], mode = "exact" }
  else
    local allowed, left, wait_ms = local_take(tenant.name, limit, ngx.now())
    result = { allowed = allowed, limit = limit, left = left, wait_ms = wait_ms, mode = "local" }
  end
  local decision = result.allowed and "allowed" or "refused"
  local labels = metrics.labels("tenant", tenant.name, "decision", decision, "mode", result.mode)
  metrics.add("sanmen_limit_decisions_total", labels)
  return result
end

return _M
