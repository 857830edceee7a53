(ns shop.core
  (:require [clojure.string :as str]))
; (defn fake [] 1)
(def limit 10)
(defn- helper [x] \( x)
(defn add
  "(defn in-doc [])"
  [a b] (+ a b))
(defmacro unless [t & body] `(if ~t nil))
(defrecord Point [x y])
