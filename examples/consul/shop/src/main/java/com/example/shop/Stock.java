package com.example.shop;

/** What is in stock. Methods that begin with get may be called twice without harm; weir's configuration says so too. */
public interface Stock {
    Answer getLevel(String article);

    Answer take(String article, int pieces) throws RefusedException;
}
