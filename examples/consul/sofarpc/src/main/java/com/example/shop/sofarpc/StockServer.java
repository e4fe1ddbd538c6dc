package com.example.shop.sofarpc;

import com.example.shop.Answer;
import com.example.shop.RefusedException;
import com.example.shop.Rules;
import com.example.shop.Stock;

/** {@code StockServer NAME PORT}: an instance of {@link Stock}. */
public final class StockServer implements Stock {
    private final String name;

    private StockServer(String name) {
        this.name = name;
    }

    public static void main(String[] args) {
        Rpc.export(Stock.class, new StockServer(args[0]), Integer.parseInt(args[1]));
    }

    @Override
    public Answer getLevel(String article) {
        return new Answer(article, Rules.valueOf(article), name);
    }

    @Override
    public Answer take(String article, int pieces) throws RefusedException {
        return Rules.change(article, pieces, name);
    }
}
