package com.example.shop.sofarpc;

import com.example.shop.Answer;
import com.example.shop.Orders;
import com.example.shop.RefusedException;
import com.example.shop.Stock;

/** {@code OrdersServer NAME PORT SIDECAR}: an instance of {@link Orders}, which calls {@link Stock} through its sidecar. */
public final class OrdersServer implements Orders {
    private final String name;
    private final Stock stock;

    private OrdersServer(String name, Stock stock) {
        this.name = name;
        this.stock = stock;
    }

    public static void main(String[] args) {
        Stock stock = Rpc.refer(Stock.class, args[2]);
        Rpc.export(Orders.class, new OrdersServer(args[0], stock), Integer.parseInt(args[1]));
    }

    @Override
    public Answer getOffer(String article) {
        return stock.getLevel(article).passedOnBy(name);
    }

    @Override
    public Answer place(String article, int pieces) throws RefusedException {
        return stock.take(article, pieces).passedOnBy(name);
    }
}
