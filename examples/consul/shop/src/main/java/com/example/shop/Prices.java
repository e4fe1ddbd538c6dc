package com.example.shop;

/** Prices. Methods that begin with get may be called twice without harm; weir's configuration says so too. */
public interface Prices {
    Answer getPrice(String article);

    Answer setPrice(String article, int cents) throws RefusedException;
}
