"""What Valkey runs for the honour boards; `gamification/boards.py` says what the keys hold.

Each script touches the keys of one family, which share a hash tag. Only commands that Redis 7.0 has.
"""

# KEYS: family. ARGV: scope, day (see below), limit, "1" if the last rows are wanted, score and subject to begin after,
# score and subject to end before ("" for none), viewer or "", radius, place or "", asked...
# `day`: the board's past is what it was at the start of that day; "": it has none.
# A line is {subject, score, position, rank, tied, past position (0: was not ranked)}.
READ = """
local live = redis.call('HGET', KEYS[1], 'live')
if not live then return false end
local scope, day, limit, backwards = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4] == '1'
local base = KEYS[1] .. ':' .. live .. ':'
local board, past = base .. 's:' .. scope, base .. 'm:' .. scope
local total = redis.call('ZCARD', board)
local turned = redis.call('HGET', base .. 'd', scope)
local changed_today = turned and day ~= '' and turned >= day

local shared = {}
local function line(subject, score, index)
  local points = math.floor(tonumber(score) / 33554432)
  local equals = shared[points]
  if not equals then
    local low, high = string.format('%.0f', points * 33554432), string.format('%.0f', points * 33554432 + 33554431)
    equals = {redis.call('ZCOUNT', board, '(' .. high, '+inf') + 1, redis.call('ZCOUNT', board, low, high) - 1}
    shared[points] = equals
  end
  local was = index + 1
  if changed_today then
    local found = redis.call('ZREVRANK', past, subject)
    was = found and found + 1 or 0
  end
  return {subject, score, index + 1, equals[1], equals[2], was}
end

local function lines(from, to)
  local found = {}
  if from > to then return found end
  local flat = redis.call('ZRANGE', board, from, to, 'REV', 'WITHSCORES')
  for i = 1, #flat, 2 do found[#found + 1] = line(flat[i], flat[i + 1], from + (i - 1) / 2) end
  return found
end

-- How many stand before (score, subject), itself included or not, whether it is still there or not.
local function before(score, subject, included)
  local ahead = redis.call('ZCOUNT', board, '(' .. score, '+inf')
  local low, high = 0, redis.call('ZCOUNT', board, score, score)
  while low < high do
    local middle = math.floor((low + high) / 2)
    local found = redis.call('ZRANGE', board, ahead + middle, ahead + middle, 'REV')[1]
    if found > subject or (included and found == subject) then low = middle + 1 else high = middle end
  end
  return ahead + low
end

local from, to = 0, total
if ARGV[5] ~= '' then from = before(ARGV[5], ARGV[6], true) end
if ARGV[7] ~= '' then to = before(ARGV[7], ARGV[8], false) end
if backwards then from = math.max(from, to - limit) else to = math.min(to, from + limit) end
local page = lines(from, to - 1)

local around, ahead, asked = {}, '', {}
if ARGV[9] ~= '' then
  local index, radius = redis.call('ZREVRANK', board, ARGV[9]), tonumber(ARGV[10])
  if index then
    around = lines(math.max(0, index - radius), math.min(total - 1, index + radius))
    local points = math.floor(tonumber(redis.call('ZSCORE', board, ARGV[9])) / 33554432)
    local more = string.format('%.0f', points * 33554432 + 33554431)
    ahead = redis.call('ZRANGE', board, '(' .. more, '+inf', 'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES')[2] or ''
  end
end
local at_place = ''
if ARGV[11] ~= '' then
  local place = tonumber(ARGV[11]) - 1
  at_place = redis.call('ZRANGE', board, place, place, 'REV', 'WITHSCORES')[2] or ''
end
for i = 12, #ARGV do
  local index = redis.call('ZREVRANK', board, ARGV[i])
  if index then asked[#asked + 1] = line(ARGV[i], redis.call('ZSCORE', board, ARGV[i]), index) end
end
return {total, page, around, ahead, asked, at_place}
"""

# KEYS: family. ARGV: generation being built or "" for what the boards show, day or "", seconds to keep or "", and as
# JSON a list of {subject, version, scopes, scores, past scores}, a score of 0 for not ranked.
# Answers {"absent"}, {"behind", day} or {"placed", scope...} with the scopes whose board moved.
PLACE = """
local build, day, keep, placings = ARGV[1], ARGV[2], ARGV[3], cjson.decode(ARGV[4])
local live, next = unpack(redis.call('HMGET', KEYS[1], 'live', 'next'))
local targets = {}
if build == '' then
  if live then targets[1] = live end
  if next then targets[#targets + 1] = next end
elseif next == build then
  targets[1] = next
end
if #targets == 0 then return {'absent'} end

local answer, moved = {'placed'}, {}
local function set(key, subject, score)
  if score == '0' then redis.call('ZREM', key, subject) else redis.call('ZADD', key, score, subject) end
end
local function turn(base, scope)
  local turned = redis.call('HGET', base .. 'd', scope)
  if turned and turned > day and day ~= '' then return turned end
  if turned and turned < day then
    redis.call('DEL', base .. 'm:' .. scope)
    redis.call('COPY', base .. 's:' .. scope, base .. 'm:' .. scope)
  end
  if not turned or turned < day then redis.call('HSET', base .. 'd', scope, day) end
  return false
end
local function stay(key)
  if keep ~= '' then redis.call('EXPIRE', key, keep) end
end
for _, generation in ipairs(targets) do
  local base, seen = KEYS[1] .. ':' .. generation .. ':', {}
  for _, placing in ipairs(placings) do
    local subject, version, scopes, now, past = unpack(placing)
    local known = tonumber(redis.call('HGET', base .. 'v', subject) or '-1')
    if known < version or (build ~= '' and known == version) then
      for i, scope in ipairs(scopes) do
        local board, past_board = base .. 's:' .. scope, base .. 'm:' .. scope
        local score = string.format('%.0f', now[i])
        if not seen[scope] then
          local later = turn(base, scope)
          if later then return {'behind', later} end
        end
        if generation == live and not moved[scope] then
          if (redis.call('ZSCORE', board, subject) or '0') ~= score then
            moved[scope] = true
            answer[#answer + 1] = scope
          end
        end
        set(board, subject, score)
        if day ~= '' then set(past_board, subject, string.format('%.0f', past[i])) end
        if not seen[scope] then
          stay(board)
          stay(past_board)
          seen[scope] = true
        end
      end
      redis.call('HSET', base .. 'v', subject, string.format('%.0f', version))
    end
  end
  stay(base .. 'v')
  stay(base .. 'd')
end
stay(KEYS[1])
return answer
"""

# KEYS: family. ARGV: generation being built, day or "", seconds to keep or "", and as JSON a list of {scopes, subjects,
# versions, scores}: each subject has one score, not 0, on all these scopes, and had it at the start of the day as well.
# A board that nobody has moved on this day is its own past: then half of the writes need not be. Answers as PLACE.
FILL = """
local build, day, keep, groups = ARGV[1], ARGV[2], ARGV[3], cjson.decode(ARGV[4])
if redis.call('HGET', KEYS[1], 'next') ~= build then return {'absent'} end
local base, seen = KEYS[1] .. ':' .. build .. ':', {}
for _, group in ipairs(groups) do
  local scopes, subjects, versions, scores = unpack(group)
  local known = redis.call('HMGET', base .. 'v', unpack(subjects))
  local lines, news = {}, {}
  for i, subject in ipairs(subjects) do
    if tonumber(known[i] or '-1') <= tonumber(versions[i]) then
      lines[#lines + 1] = scores[i]
      lines[#lines + 1] = subject
      news[#news + 1] = subject
      news[#news + 1] = versions[i]
    end
  end
  if #news > 0 then
    for _, scope in ipairs(scopes) do
      local board, past_board = base .. 's:' .. scope, base .. 'm:' .. scope
      local turned = redis.call('HGET', base .. 'd', scope)
      if turned and turned > day and day ~= '' then return {'behind', turned} end
      if not turned then redis.call('HSET', base .. 'd', scope, day == '' and '' or '-') end
      redis.call('ZADD', board, unpack(lines))
      if day ~= '' and turned == day then redis.call('ZADD', past_board, unpack(lines)) end
      if keep ~= '' and not seen[scope] then
        redis.call('EXPIRE', board, keep)
        redis.call('EXPIRE', past_board, keep)
      end
      seen[scope] = true
    end
    redis.call('HSET', base .. 'v', unpack(news))
  end
end
if keep ~= '' then
  redis.call('EXPIRE', base .. 'v', keep)
  redis.call('EXPIRE', base .. 'd', keep)
  redis.call('EXPIRE', KEYS[1], keep)
end
return {'placed'}
"""

_DROP = """
local function drop(generation)
  local base = KEYS[1] .. ':' .. generation .. ':'
  for _, scope in ipairs(redis.call('HKEYS', base .. 'd')) do
    redis.call('UNLINK', base .. 's:' .. scope, base .. 'm:' .. scope)
  end
  redis.call('UNLINK', base .. 'v', base .. 'd')
end
"""

# KEYS: family. ARGV: generation. Begin to build it; what was built before and not finished is given up.
BEGIN = (
    _DROP
    + """
local left = redis.call('HGET', KEYS[1], 'next')
if left then drop(left) end
redis.call('HSET', KEYS[1], 'next', ARGV[1])
"""
)

# KEYS: family. ARGV: generation, seconds to keep or "". Show what was built; 0 if somebody else has begun anew.
FINISH = (
    _DROP
    + """
local live, next = unpack(redis.call('HMGET', KEYS[1], 'live', 'next'))
if next ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'live', next)
redis.call('HDEL', KEYS[1], 'next')
if ARGV[2] ~= '' then redis.call('EXPIRE', KEYS[1], ARGV[2]) end
if live then drop(live) end
return 1
"""
)

# KEYS: family. Drop it, with what is being built beside it.
FORGET = (
    _DROP
    + """
for _, generation in ipairs(redis.call('HVALS', KEYS[1])) do drop(generation) end
redis.call('UNLINK', KEYS[1])
"""
)
