-- What wrk sends: the body and the token come from the environment.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer " .. os.getenv("TOKEN")
wrk.body = os.getenv("BODY")

-- Summed up in one line, with the answers that were not a success.
function done(summary, latency, requests)
  local bad = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format("%f %d %f\n", summary.requests / summary.duration * 1e6, bad, latency:percentile(99) / 1000))
end
