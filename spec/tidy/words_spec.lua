-- What each file must say, and what none may.

local assert = require 'luassert'
local files = require 'tidy.files'

local function empty(list) assert.equal('', table.concat(list, '\n')) end

describe('words', function()
  it('of each header: the five lines of its contract', function()
    local wrong = {}
    for _, path in ipairs(files.named '^host/.*%.h$') do
      local comment = files.read(path):match '/%*.-%*/' or ''
      for _, word in ipairs { 'Layer', 'Owner', 'Thread', 'Limits', 'Tested' } do
        if not comment:find('%*%* ' .. word .. ' ') then
          wrong[#wrong + 1] = ('%s: no line %s'):format(path, word)
        end
      end
    end
    empty(wrong)
  end)

  it('that name a machine\'s folders are in no file', function()
    local folders = { 'wo' .. 'rk', 'fa' .. 'rm', 'ro' .. 'ot', 'ho' .. 'me' }
    for _, folder in ipairs(folders) do
      empty(files.grep('.', '^/' .. folder .. '/'))
      empty(files.grep('.', '[^%w_.}/]/' .. folder .. '/'))
    end
  end)

  it('of things left to do are nowhere', function()
    for _, word in ipairs { 'TO' .. 'DO', 'FIX' .. 'ME', 'XX' .. 'X', 'HA' .. 'CK' } do
      local alone = '%f[%w_]' .. word .. '%f[^%w_]'
      empty(files.grep('^[hlse].*%.[chl]u?a?$', alone))
    end
  end)

  it('that skip a test are nowhere', function()
    for _, word in ipairs { 'pend' .. 'ing%(', 'it%.sk' .. 'ip' } do
      empty(files.grep('_spec%.lua$', word))
    end
  end)

  it('about each example: a README, a tree and a spec', function()
    local wrong = {}
    local trees = files.named '^examples/[^/]+/tree%.lua$'
    for _, path in ipairs(trees) do
      local folder, name = path:match '^(examples/([^/]+))/'
      for _, file in ipairs { 'README.md', name .. '_spec.lua' } do
        local exactly = '^' .. (folder .. '/' .. file):gsub('%p', '%%%0') .. '$'
      if #files.named(exactly) == 0 then
          wrong[#wrong + 1] = folder .. ': no ' .. file
        end
      end
    end
    empty(wrong)
  end)
end)
