-- wrk's side of the bench: sends the requests of a file, and says in JSON what came of them.
--
--   wrk … -s load.lua URL -- FILE MODE STATUS LATER PATTERN
--
-- FILE holds blocks, each a decimal length, a newline, and so many bytes. MODE says what they are:
--   cycle  requests, sent one after the other, again and again
--   once   requests, each sent once; with the last one the load ends
--   chain  a head that ends in "Content-Length: ", a form before a token, the form after it, and
--          tokens. What PATTERN finds in an answer is a token for a later request. At the end, FILE
--          has those that are left.
-- STATUS is what every answer has to have. One of the status LATER is none at all, and no error.

local ffi = require("ffi")
ffi.cdef [[
  typedef struct { long seconds, nanoseconds; } moment;
  int clock_gettime(int clock, moment *at);
]]

file, tokens, wrong, dry, why, looks, lasted = "", {}, 0, 0, "", false, 0
put_off = 0

local blocks, at = {}, 0
local first, last = 1, 0
local mode, status, later, pattern
local began

-- Microseconds of the clock that only goes on.
local function now()
  local at = ffi.new("moment")
  ffi.C.clock_gettime(1, at)
  return tonumber(at.seconds) * 1e6 + tonumber(at.nanoseconds) / 1e3
end

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

-- Nothing is left: the load ends, and until it does nobody gets to answer this. wrk itself sleeps
-- until its time is over, so how long the load lasted is noted here.
local function nothing()
  if dry == 0 and began then
    lasted = now() - began
  end
  dry = dry + 1
  wrk.thread:stop()
  return "G"
end

local function single()
  began = began or (at == 1 and now()) -- the first is asked for before the load begins
  at = at + 1
  return blocks[at] or nothing()
end

local function chained()
  began = began or (first == 2 and now())
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
  if answered == later then
    put_off = put_off + 1
  elseif answered ~= status then
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
  file, mode, status, later, pattern = args[1], args[2], tonumber(args[3]), tonumber(args[4]), args[5]
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
  local lasted, put_off = thread:get("lasted"), thread:get("put_off")
  local broken, refused = summary.errors, thread:get("wrong")
  if not thread:get("looks") then
    refused = refused + broken.status
  end
  io.write(string.format(
    '{"answers": %d, "microseconds": %d, "put_off": %d, "wrong": %d, "dry": %d, "broken": %d, "p50": %d, "p99": %d, "why": "%s"}\n',
    summary.requests - put_off, lasted > 0 and lasted or summary.duration, put_off, refused, thread:get("dry"),
    broken.connect + broken.read + broken.write + broken.timeout,
    latency:percentile(50), latency:percentile(99), (thread:get("why"):gsub('[%c"\\]', " "))
  ))
  local left = assert(io.open(thread:get("file") .. ".left", "wb"))
  for _, token in pairs(thread:get("tokens")) do
    left:write(token, "\n")
  end
  left:close()
end
