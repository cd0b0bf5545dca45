--- Users and groups by name. They are looked up while the tree is evaluated, for whom
--- that may take as long as it likes; a plan has numbers alone.

local abi = require 'runsmith.abi'
local ffi = require 'ffi'

local M = {}

local C = abi.C
local GROUPS_MAX = 256 -- RS_GROUPS_MAX

local function cached(find)
  local known = {}
  return function(value)
    if known[value] == nil then known[value] = find(value) or false end
    return known[value] or nil
  end
end

local function groups_of(name, gid)
  local count, list = ffi.new('int[1]', GROUPS_MAX), ffi.new('unsigned[?]', GROUPS_MAX)
  C.getgrouplist(name, gid, list, count)
  local groups = { gid }
  for i = 0, math.min(count[0], GROUPS_MAX) - 1 do
    if list[i] ~= gid and #groups < GROUPS_MAX then groups[#groups + 1] = list[i] end
  end
  return groups
end

local function entry_of(value, by_name, by_number)
  local number = tonumber(value)
  local entry = type(value) == 'string' and by_name(value) or nil
  if entry == nil and number and by_number then entry = by_number(number) end
  if entry ~= nil then return entry end
  return nil, number
end

--- A user: its number, and its groups, the first of them its own. A number need not be
--- known to the machine.
--- @param value string|integer
--- @return { uid: integer, groups: integer[] }?
M.user = cached(function(value)
  local entry, number = entry_of(value, C.getpwnam, C.getpwuid)
  if entry then
    return { uid = entry.uid, groups = groups_of(ffi.string(entry.name), entry.gid) }
  end
  return number and { uid = number, groups = { number } }
end)

--- A group's number.
--- @param value string|integer
--- @return integer?
M.group = cached(function(value)
  local entry, number = entry_of(value, C.getgrnam)
  if entry then return entry.gid end
  return number
end)

--- The two as a plan has them: decimal, and groups after commas.
--- @param user? string|integer
--- @param group? string|integer
--- @return string? user, string? groups
function M.numbers(user, group)
  local account = user ~= nil and M.user(user) or nil
  local groups = account and { unpack(account.groups) } or {}
  local own = group ~= nil and M.group(group)
  if own then
    groups[1] = own
    for i = #groups, 2, -1 do
      if groups[i] == own then table.remove(groups, i) end
    end
  end
  local list = groups[1] and table.concat(groups, ',') or nil
  return account and tostring(account.uid), list
end

return M
