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

# KEYS: family. ARGV: generation being built or "" for what the boards show, day or "", seconds to keep or "", as JSON a
# list of {subject, version, scopes, scores, past scores}, a score of 0 for not ranked, and how long what only building
# needs is kept.
# Answers {"absent"}, {"behind", day} or {"placed", scope...} with the scopes whose board moved.
PLACE = """
local build, day, keep, placings, building = ARGV[1], ARGV[2], ARGV[3], cjson.decode(ARGV[4]), ARGV[5]
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
    local placed = tonumber(redis.call('HGET', base .. 'v', subject) or '-1')
    local known = math.max(placed, tonumber(redis.call('HGET', base .. 'f', subject) or '-1'))
    if known < version or (build ~= '' and known == version) then
      for _, scope in ipairs(scopes) do
        if not seen[scope] then
          local later = turn(base, scope)
          if later then return {'behind', later} end
        end
      end
      for i, scope in ipairs(scopes) do
        local board, past_board = base .. 's:' .. scope, base .. 'm:' .. scope
        local score = string.format('%.0f', now[i])
        if generation == live and not moved[scope] then
          if (redis.call('ZSCORE', board, subject) or '0') ~= score then
            moved[scope] = true
            answer[#answer + 1] = scope
          end
        end
        set(board, subject, score)
        if day ~= '' then set(past_board, subject, string.format('%.0f', past[i])) end
        if generation == next then
          redis.call('SADD', base .. 't:' .. scope, subject)
          redis.call('SADD', base .. 't', scope)
          if not seen[scope] then redis.call('EXPIRE', base .. 't:' .. scope, building) end
        end
        if not seen[scope] then
          stay(board)
          stay(past_board)
          seen[scope] = true
        end
      end
      redis.call('HSET', base .. 'v', subject, string.format('%.0f', version))
    end
  end
  for _, name in ipairs({'v', 'd'}) do stay(base .. name) end
  if generation == next then redis.call('EXPIRE', base .. 't', building) end
end
stay(KEYS[1])
return answer
"""

# KEYS: family. ARGV: generation being built, seconds until what only building needs is forgotten, and as JSON a list of
# {place, its lines, its lines at the start of the day or false if they are the same} and the versions; lines as ZADD
# takes them and versions as HSET does, with numbers as numbers: nothing is done to each. Answers {"absent"} or
# {"placed"}.
FILL = """
local build, keep = ARGV[1], ARGV[2]
local base = KEYS[1] .. ':' .. build .. ':'
if redis.call('HGET', KEYS[1], 'next') ~= build or redis.call('EXISTS', base .. 'a') == 0 then return {'absent'} end
local names, most = {l = {}, lm = {}}, 4000
local function each(command, key, words)
  for first = 1, #words, most do
    redis.call(command, key, unpack(words, first, math.min(#words, first + most - 1)))
  end
  redis.call('EXPIRE', key, keep)
end
local function add(prefix, place, lines)
  each('ZADD', base .. prefix .. ':' .. place, lines)
  table.insert(names[prefix], place)
end
for _, group in ipairs(cjson.decode(ARGV[3])) do
  local place, now, past = unpack(group)
  add('l', place, now)
  if past then add('lm', place, past) end
end
for prefix, places in pairs(names) do each('SADD', base .. prefix, places) end
each('HSET', base .. 'f', cjson.decode(ARGV[4]))
return {'placed'}
"""

# KEYS: family. ARGV: generation being built, day or "", seconds to keep or "", and as JSON a list of {scope, places and
# composed scopes that it is made of}. Who was placed on a board meanwhile stands as they were placed, unless that was
# older news. A board that nobody has moved on this day is its own past. Answers as PLACE.
COMPOSE = """
local build, day, keep, boards = ARGV[1], ARGV[2], ARGV[3], cjson.decode(ARGV[4])
local base, most = KEYS[1] .. ':' .. build .. ':', 4000
if redis.call('HGET', KEYS[1], 'next') ~= build or redis.call('EXISTS', base .. 'a') == 0 then return {'absent'} end
local differs = {}
for _, place in ipairs(redis.call('SMEMBERS', base .. 'lm')) do differs[place] = true end
local function newer(subjects)
  local found = {}
  for _, subject in ipairs(subjects) do
    local placed, filled = redis.call('HGET', base .. 'v', subject), redis.call('HGET', base .. 'f', subject)
    if placed and tonumber(placed) >= tonumber(filled or '-1') then found[#found + 1] = subject end
  end
  return found
end
local function scores(key, subjects)
  local found = {}
  for i, subject in ipairs(subjects) do found[i] = redis.call('ZSCORE', key, subject) end
  return found
end
local function unite(key, parts, subjects, own)
  if #parts == 1 then
    if redis.call('COPY', parts[1], key, 'REPLACE') == 0 then redis.call('DEL', key) end
    if keep == '' then redis.call('PERSIST', key) end
  else
    for first = 1, #parts, most do
      local some = {unpack(parts, first, math.min(#parts, first + most - 1))}
      if first > 1 then some[#some + 1] = key end
      redis.call('ZUNIONSTORE', key, #some, unpack(some))
    end
  end
  for i, subject in ipairs(subjects) do
    if own[i] then redis.call('ZADD', key, own[i], subject) else redis.call('ZREM', key, subject) end
  end
  if keep ~= '' then redis.call('EXPIRE', key, keep) end
end
local days, touched, turns = {}, {}, {}
local pairs_of_days = redis.call('HGETALL', base .. 'd')
for i = 1, #pairs_of_days, 2 do days[pairs_of_days[i]] = pairs_of_days[i + 1] end
for _, scope in ipairs(redis.call('SMEMBERS', base .. 't')) do touched[scope] = true end
for _, each in ipairs(boards) do
  local scope, places, below = unpack(each)
  local board, past_board, turned = base .. 's:' .. scope, base .. 'm:' .. scope, days[scope]
  if turned and turned > day and day ~= '' then return {'behind', turned} end
  local parts, pasts, moved = {}, {}, turned == day
  for _, place in ipairs(places) do
    parts[#parts + 1] = base .. 'l:' .. place
    pasts[#parts] = differs[place] and base .. 'lm:' .. place
    moved = moved or differs[place]
  end
  for _, lower in ipairs(below) do
    parts[#parts + 1] = base .. 's:' .. lower
    local has_moved = day ~= '' and days[lower] == day
    pasts[#parts] = has_moved and base .. 'm:' .. lower
    moved = moved or has_moved
  end
  local placed = touched[scope] and newer(redis.call('SMEMBERS', base .. 't:' .. scope)) or {}
  local own, own_past = scores(board, placed), scores(turned == day and past_board or board, placed)
  unite(board, parts, placed, own)
  if day == '' then
    days[scope] = ''
  elseif moved then
    for i, past in pairs(pasts) do parts[i] = past or parts[i] end
    unite(past_board, parts, placed, own_past)
    days[scope] = day
  else
    days[scope] = turned or '-'
  end
  turns[#turns + 1] = scope
  turns[#turns + 1] = days[scope]
end
for i = 1, #turns, 2 do redis.call('HSET', base .. 'd', turns[i], turns[i + 1]) end
if keep ~= '' then redis.call('EXPIRE', base .. 'd', keep) end
return {'placed'}
"""

# KEYS: family. ARGV: of each piece its scope and its first and last index. Answers the SHA-1 of each.
DIGEST = """
local live = redis.call('HGET', KEYS[1], 'live')
if not live then return false end
local base, found = KEYS[1] .. ':' .. live .. ':s:', {}
for i = 1, #ARGV, 3 do
  local lines = redis.call('ZRANGE', base .. ARGV[i], ARGV[i + 1], ARGV[i + 2], 'WITHSCORES')
  found[#found + 1] = redis.sha1hex(table.concat(lines, ' '))
end
return found
"""

_DROP = """
local function tidy(base)
  for _, scope in ipairs(redis.call('SMEMBERS', base .. 't')) do redis.call('UNLINK', base .. 't:' .. scope) end
  for _, place in ipairs(redis.call('SMEMBERS', base .. 'l')) do
    redis.call('UNLINK', base .. 'l:' .. place, base .. 'lm:' .. place)
  end
  redis.call('UNLINK', base .. 'l', base .. 'lm', base .. 'f', base .. 't', base .. 'a')
end
local function drop(generation)
  local base = KEYS[1] .. ':' .. generation .. ':'
  tidy(base)
  for _, scope in ipairs(redis.call('HKEYS', base .. 'd')) do
    redis.call('UNLINK', base .. 's:' .. scope, base .. 'm:' .. scope)
  end
  redis.call('UNLINK', base .. 'v', base .. 'd')
end
"""

# KEYS: family. ARGV: generation, seconds until what only building needs is forgotten. Begin to build it; what others
# began and did not finish is dropped.
BEGIN = (
    _DROP
    + """
local left = redis.call('HGET', KEYS[1], 'next')
if left then drop(left) end
redis.call('HSET', KEYS[1], 'next', ARGV[1])
redis.call('SET', KEYS[1] .. ':' .. ARGV[1] .. ':a', '', 'EX', ARGV[2])
"""
)

# KEYS: family. ARGV: generation being built, seconds until what only building needs is forgotten, counted from now.
# Nothing of that is ever forgotten before `a`, so while there is `a` it is whole. 0 if it is too late, or somebody
# else has begun anew.
KEEP = """
local build, keep = ARGV[1], ARGV[2]
local base = KEYS[1] .. ':' .. build .. ':'
if redis.call('HGET', KEYS[1], 'next') ~= build or redis.call('EXISTS', base .. 'a') == 0 then return 0 end
for _, place in ipairs(redis.call('SMEMBERS', base .. 'l')) do
  redis.call('EXPIRE', base .. 'l:' .. place, keep)
  redis.call('EXPIRE', base .. 'lm:' .. place, keep)
end
for _, scope in ipairs(redis.call('SMEMBERS', base .. 't')) do redis.call('EXPIRE', base .. 't:' .. scope, keep) end
for _, name in ipairs({'l', 'lm', 'f', 't', 'a'}) do redis.call('EXPIRE', base .. name, keep) end
return 1
"""

# KEYS: family. Give up what is being built if nobody has kept it.
GIVE_UP = (
    _DROP
    + """
local next = redis.call('HGET', KEYS[1], 'next')
if next and redis.call('EXISTS', KEYS[1] .. ':' .. next .. ':a') == 0 then
  drop(next)
  redis.call('HDEL', KEYS[1], 'next')
end
"""
)

# KEYS: family. ARGV: generation, seconds to keep or "". Show what was built; 0 if somebody else has begun anew, or it
# is too late. Showing it twice is showing it once.
FINISH = (
    _DROP
    + """
local live, next = unpack(redis.call('HMGET', KEYS[1], 'live', 'next'))
if live == ARGV[1] then return 1 end
if next ~= ARGV[1] then return 0 end
local base = KEYS[1] .. ':' .. next .. ':'
if redis.call('EXISTS', base .. 'a') == 0 then return 0 end
if redis.call('EXISTS', base .. 'f') == 1 then
  local placed = redis.call('HGETALL', base .. 'v')
  for i = 1, #placed, 2 do
    local filled = redis.call('HGET', base .. 'f', placed[i])
    if tonumber(placed[i + 1]) >= tonumber(filled or '-1') then
      redis.call('HSET', base .. 'f', placed[i], placed[i + 1])
    end
  end
  redis.call('RENAME', base .. 'f', base .. 'v')
  if ARGV[2] ~= '' then redis.call('EXPIRE', base .. 'v', ARGV[2]) else redis.call('PERSIST', base .. 'v') end
end
redis.call('HSET', KEYS[1], 'live', next)
redis.call('HDEL', KEYS[1], 'next')
if ARGV[2] ~= '' then redis.call('EXPIRE', KEYS[1], ARGV[2]) end
tidy(base)
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
