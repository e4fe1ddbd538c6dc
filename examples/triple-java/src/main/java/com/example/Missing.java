package com.example;

/** A service that no server exports: calling it must fail, and fail at once. */
public interface Missing {
    String hello(String name);
}
