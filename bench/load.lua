-- wrk's side of the bench: sends the requests of a file, and says in JSON what came of them.
--
--   wrk … -s load.lua URL -- FILE MODE STATUS PATTERN
--
-- FILE holds blocks, each a decimal length, a newline, and so many bytes. MODE says what they are:
--   cycle  requests, sent one after the other, again and again
--   once   requests, each sent once; with the last one the load ends
--   chain  a head that ends in "Content-Length: ", a form before a token, the form after it, and
--          tokens. What PATTERN finds in an answer is a token for a later request. At the end, FILE
--          has those that are left.
-- STATUS is what every answer has to have.

file, tokens, wrong, dry, why, looks = "", {}, 0, 0, "", false

local blocks, at = {}, 0
local first, last = 1, 0
local mode, status, pattern

local function read_blocks()
  local source = assert(io.open(file, "rb"))
  for length in source:lines() do
    blocks[#blocks + 1] = source:read(tonumber(length))
  end
  source:close()
end

local function cycled()
  at = at % #blocks + 1
  return blocks[at]
end

-- Nothing is left: the load ends, and until it does nobody gets to answer this.
local function nothing()
  dry = dry + 1
  wrk.thread:stop()
  return "G"
end

local function single()
  at = at + 1
  return blocks[at] or nothing()
end

local function chained()
  local token = tokens[first]
  if not token then
    return nothing()
  end
  tokens[first] = nil
  first = first + 1
  local body = blocks[2] .. token .. blocks[3]
  return blocks[1] .. #body .. "\r\n\r\n" .. body
end

local function note(answered, body)
  wrong = wrong + 1
  if why == "" then
    why = answered .. " " .. body:sub(1, 300)
  end
end

local function look(answered, headers, body)
  if answered ~= status then
    note(answered, body)
  end
end

local function follow(answered, headers, body)
  local token = answered == status and body:match(pattern)
  if not token then
    return note(answered, body)
  end
  last = last + 1
  tokens[last] = token
end

function init(args)
  file, mode, status, pattern = args[1], args[2], tonumber(args[3]), args[4]
  read_blocks()
  if mode == "chain" then
    for number = 4, #blocks do
      tokens[number - 3] = blocks[number]
    end
    last = #blocks - 3
    request, response, looks = chained, follow, true
    return
  end
  request = mode == "once" and single or cycled
  -- wrk itself counts what is 400 and above; to look at every answer costs it a third of its rate.
  if status ~= 200 and status ~= 201 then
    response, looks = look, true
  end
end

local threads = {}

function setup(thread)
  threads[#threads + 1] = thread
end

function done(summary, latency, requests)
  local thread = threads[1]
  local broken, refused = summary.errors, thread:get("wrong")
  if not thread:get("looks") then
    refused = refused + broken.status
  end
  io.write(string.format(
    '{"answers": %d, "microseconds": %d, "wrong": %d, "dry": %d, "broken": %d, "p50": %d, "p99": %d, "why": "%s"}\n',
    summary.requests, summary.duration, refused, thread:get("dry"),
    broken.connect + broken.read + broken.write + broken.timeout,
    latency:percentile(50), latency:percentile(99), (thread:get("why"):gsub('[%c"\\]', " "))
  ))
  local left = assert(io.open(thread:get("file") .. ".left", "wb"))
  for _, token in pairs(thread:get("tokens")) do
    left:write(token, "\n")
  end
  left:close()
end
