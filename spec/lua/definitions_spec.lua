-- What an editor is told of a tree script's fields is what the check knows, no more and
-- no less; and the program shows the same of std and ctx as there is.

local assert = require 'luassert'
local fake = require 'lua.fake_host'
local files = require 'tidy.files'

local function classes_of(text)
  local classes, now = {}, nil
  for line in text:gmatch '[^\n]+' do
    local class = line:match '^%-%-%- ?@class ([%w_.]+)'
    if class then
      now = {}
      classes[class] = now
    end
    local name = line:match '^%-%-%- ?@field ([%w_]+)%??%s'
    if name and now then now[name] = true end
    if not line:find '^%-%-%-' then now = nil end
  end
  return classes
end

local function names(map)
  local list = {}
  for key in pairs(map) do
    list[#list + 1] = tostring(key)
  end
  table.sort(list)
  return list
end

local function of_rows(rows)
  local map = {}
  for _, row in ipairs(rows) do
    map[row[1]] = true
  end
  return map
end

describe('the definitions for editors', function()
  local text, classes

  setup(function()
    text = require('cli.definitions').text()
    classes = classes_of(text)
  end)

  it('are Lua', function() assert(loadstring(text)) end)

  it('have the fields that the check knows', function()
    local fields = require 'runsmith.tree.fields'
    for kind, known in pairs(fields.of) do
      assert.same(names(known), names(classes['runsmith.' .. kind]), kind)
    end
    for kind, rows in pairs {
      intensity = fields.INTENSITY, backoff = fields.BACKOFF, limits = fields.LIMITS,
    } do
      assert.same(names(of_rows(rows)), names(classes['runsmith.' .. kind]), kind)
    end
  end)

  it('have every kind of probe with its fields', function()
    local probe = require 'runsmith.probe'
    assert.same(names(of_rows(probe.COMMON)), names(classes['runsmith.probe']))
    local kinds = { define = true }
    for kind, rows in pairs(probe.FIELDS) do
      kinds[kind] = true
      assert.same(names(of_rows(rows)), names(classes['runsmith.probe.' .. kind]), kind)
    end
    assert.same(names(kinds), names(classes['runsmith.Probes']))
  end)

  it('have what rs has', function()
    local rs = require 'runsmith'
    for name, value in pairs(rs) do
      local is_there = type(value) ~= 'function' and classes.runsmith[name]
        or text:find('\nfunction rs.' .. name .. '(', 1, true)
      assert.truthy(is_there, name)
    end
    for name in text:gmatch '\nfunction rs%.([%w_]+)%(' do
      assert.is_function(rawget(rs, name), name)
    end
  end)

  it('have what ctx has', function()
    local source = files.read 'lua/runsmith/vm/context.lua'
    local known = classes_of(source)['runsmith.Context']
    for name in source:gmatch '\nfunction lazy%.([%w_]+)' do
      assert.is_true(known[name], name)
    end
    for name in source:gmatch '\nfunction fresh%.([%w_]+)' do
      assert.is_true(known[name], name)
    end
  end)

  it('say of each exported function of std what it takes and gives', function()
    fake.new()
    local wrong = {}
    for _, path in ipairs(files.named '^stdlib/std/[%w_]+%.lua$') do
      local before = ''
      for line in files.read(path):gmatch '([^\n]*)\n' do
        local args = line:match '^function M[.:][%w_]+%(([^)]*)%)'
          or line:match '^function %u%w*:[%l][%w_]*%(([^)]*)%)'
        if args then
          for name in args:gmatch '[%w_]+' do
            local is_told = before:find('@param ' .. name .. '%??%s')
            if not is_told and name ~= 'this' then
              wrong[#wrong + 1] = ('%s: %s: %s'):format(path, line, name)
            end
          end
        end
        before = line:find '^%-%-%-' and before .. line .. '\n' or ''
      end
    end
    assert.same({}, wrong)
  end)
end)
