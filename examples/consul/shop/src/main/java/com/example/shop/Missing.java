package com.example.shop;

/** A service that nobody has. */
public interface Missing {
    Answer getNothing(String article);
}
