#!/usr/bin/env lua
--[[ function fake() end
]]
local M = {}
local util = require("util")
VERSION = "1.0"

--- Adds.
local function add(a, b)
  local inner = function(x) return x end
  return a + b
end

function M.parse(text, opts)
  local s = [==[
function raw() end
]==]
  if text == "end" then return nil end
  for i = 1, 10 do add(i, 1) end
end

function M.Class:method(...)
  return self
end

M.format = function(value) return '"' .. value end

M.handlers = {
  on_open = function(self) end,
  ["on-close"] = function() end,
  limit = 3,
}

return M

local feed, insert = helpers.feed, helpers.insert
screen:expect{condition=function() end}
M = setmetatable(M, { __call = function(_, ...) return M.new(...) end })
