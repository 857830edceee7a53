{-# LANGUAGE OverloadedStrings #-}
{- | module Fake
   {- nested :: Int -} -}
module Data.Cache.Core
  ( Cache(..)
  , insert
  ) where

import qualified Data.Map as M

-- | fake :: Int
data Cache k v = Cache
  { items :: M.Map k v
  , limit :: !Int
  } deriving (Show)

newtype Key a = Key { unKey :: a }
type Pair a = (a, a)

class (Show a) => Store a where
  load :: a -> IO a
  save, drop' :: a -> IO ()

instance (Ord k, Show k)
    => Store (Cache k v) where
  load = pure

insert
  :: Ord k
  => k -> v -> Cache k v
insert k v c = c { items = M.insert k v (items c) }
  where
    helper :: Int
    helper = 1

lookup', find :: Int -> Char
lookup' 0 = '"'
lookup' _ = '\''
find x
  | x > 0 = 'a'
  | otherwise = 'b'

(<+>) :: Int -> Int -> Int
a <+> b = a + b

main = do
  putStrLn "insert :: not a signature"

type role Pretext representational nominal

class Wrapped s where
  type Unwrapped s :: *
  wrap :: s -> Unwrapped s

strict !x ~y = x
a ~~> b = (a, b)
