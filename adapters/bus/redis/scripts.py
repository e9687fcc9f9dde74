"""What a member of a group asks of Redis, each in one script: nothing can come between its looking and its doing.

A client that lost the answer may ask again: no script does anything twice. And each begins with a write that needs no
memory, after which the server refuses none: where it has none left for publishing, its groups go on.
"""

from typing import Final

BEAT: Final = """
-- KEYS members, seat; ARGV token, milliseconds, roster. Gives whether the seat is ours, or {0, another roster}.
local token, ttl, roster = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local theirs = string.sub(member, #token + 2)
  if theirs ~= roster then return {0, theirs} end
end
redis.call('ZADD', KEYS[1], now + ttl, token .. ' ' .. roster)
redis.call('PEXPIRE', KEYS[1], ttl)
if redis.call('GET', KEYS[2]) ~= token then return {0} end
redis.call('PEXPIRE', KEYS[2], ttl)
return {1}
"""
"""Counts a member among its group, and keeps the seat it may have."""

NEXT: Final = """
-- KEYS stream, seat; ARGV token, milliseconds, group, id that is done or '', ' type type … '.
-- Gives false where the seat is another's; {id, times delivered, fields}; {newest id} where there is nothing; or {''}.
local stream, token, group, done, wanted = KEYS[1], ARGV[1], ARGV[3], ARGV[4], ARGV[5]
local holder = redis.call('GET', KEYS[2])
if holder and holder ~= token then return false end
if redis.call('PEXPIRE', KEYS[2], ARGV[2]) == 0 then redis.call('SET', KEYS[2], token, 'PX', ARGV[2]) end
if done ~= '' then redis.call('XACK', stream, group, done) end
local from = '0'
for _ = 1, 256 do
  local read = redis.call('XREADGROUP', 'GROUP', group, group, 'COUNT', 1, 'STREAMS', stream, from)
  local entry = read and read[1][2][1]
  if entry then
    local type = ''
    for place = 1, #(entry[2] or {}), 2 do
      if entry[2][place] == 'ce-type' then type = entry[2][place + 1] end
    end
    if string.find(wanted, ' ' .. type .. ' ', 1, true) then
      local pending = redis.call('XPENDING', stream, group, entry[1], entry[1], 1)
      return {entry[1], pending[1][4], entry[2]}
    end
    redis.call('XACK', stream, group, entry[1])
  elseif from == '0' then
    from = '>'
  else
    local newest = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)
    return {newest[1] and newest[1][1] or '0-0'}
  end
end
return {''}
"""
"""Takes or keeps the seat, acknowledges what is done, and brings what is next for the group.

What was brought and not acknowledged comes first, whoever held the seat then: the members read under one name. What the
group has no handlers for is acknowledged on the way, and so is what was deleted from the stream meanwhile.
"""

LEAVE: Final = """
-- KEYS stream, seat, members; ARGV token, group, id that is done or '', roster.
local token, group, done = ARGV[1], ARGV[2], ARGV[3]
local holder = redis.call('GET', KEYS[2])
if done ~= '' and (not holder or holder == token) then redis.call('XACK', KEYS[1], group, done) end
if holder == token then redis.call('DEL', KEYS[2]) end
redis.call('ZREM', KEYS[3], token .. ' ' .. ARGV[4])
return 1
"""
"""Acknowledges what is done, and makes way for the others at once."""
