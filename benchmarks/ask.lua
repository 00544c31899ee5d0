-- Asks by wrk. Arguments: a file with the body, "" to GET; and a key, or "".

function init(arguments)
  if arguments[1] ~= "" then
    local file = assert(io.open(arguments[1], "rb"))
    wrk.method = "POST"
    wrk.body = file:read("*a")
    wrk.headers["content-type"] = "application/json"
    file:close()
  end
  if arguments[2] ~= "" then
    wrk.headers["authorization"] = "Bearer " .. arguments[2]
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "seconds": %.6f, "p50_ms": %.4f, "p99_ms": %.4f, "refused": %d, "failed": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout
  ))
end
