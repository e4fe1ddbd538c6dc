package com.example.shop.dubbo;

import com.example.shop.Answer;
import com.example.shop.Prices;
import com.example.shop.RefusedException;
import com.example.shop.Rules;

/** {@code PricesProvider NAME PORT}: an instance of {@link Prices}. */
public final class PricesProvider implements Prices {
    private final String name;

    private PricesProvider(String name) {
        this.name = name;
    }

    public static void main(String[] args) throws InterruptedException {
        Rpc.export("prices", Prices.class, new PricesProvider(args[0]), Integer.parseInt(args[1]));
    }

    @Override
    public Answer getPrice(String article) {
        return new Answer(article, Rules.valueOf(article), name);
    }

    @Override
    public Answer setPrice(String article, int cents) throws RefusedException {
        return Rules.change(article, cents, name);
    }
}
