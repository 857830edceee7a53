# FROM fake
FROM golang:1.22 AS build
RUN echo "FROM x" \
  from y
FROM scratch
